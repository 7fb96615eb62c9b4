import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KubeObject } from './kube-object.ts';
import { createOrderedObjects } from './ordered-objects.ts';

const operation = fc.record({
  kind: fc.constantFrom('put', 'remove', 'list'),
  name: fc.stringMatching(/^[a-d]{1,2}$/),
});

test('the order is that of names after any run of changes, and a list handed out never changes', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const objects = new Map<string, KubeObject>();
      const ordered = createOrderedObjects(objects);
      const handedOut: { readonly list: readonly KubeObject[]; readonly copy: readonly KubeObject[] }[] = [];
      for (const [index, { kind, name }] of operations.entries()) {
        const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, index };
        if (kind === 'put') {
          const isNew = !objects.has(name);
          objects.set(name, object);
          if (isNew) ordered.add(name, object);
          else ordered.replace(name, object);
        } else if (kind === 'remove') {
          if (objects.delete(name)) ordered.remove(name);
        } else {
          const list = ordered.list();
          handedOut.push({ list, copy: [...list] });
        }
      }
      const expected = [...objects.values()].sort((a, b) =>
        (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1,
      );
      expect(ordered.list()).toEqual(expected);
      for (const { list, copy } of handedOut) expect(list).toEqual(copy);
    }),
  );
});
