import { shownValue, type FieldError } from './api-error.ts';
import { humanAge } from './human-duration.ts';
import { isJsonObject, stringAt, valueAt, type Json } from './json.ts';
import type { KubeObject } from './kube-object.ts';
import { allVerbs, type ResourceKind, type ServedVersion } from './resource-kind.ts';
import { column, nameColumn } from './table-columns.ts';
import { microTimeFault, toSeconds } from './time-fields.ts';

/** Names that differ between the stored form (`v1`) and `events.k8s.io/v1`. */
const renamed: readonly (readonly [stored: string, served: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

function rename(object: KubeObject, apiVersion: string, names: ReadonlyMap<string, string>): KubeObject {
  const members = Object.entries(object).map(([name, value]) => [names.get(name) ?? name, value] as const);
  return { ...(Object.fromEntries(members) as KubeObject), apiVersion };
}

const toServed = new Map(renamed);
const toStored = new Map(renamed.map(([stored, served]) => [served, stored]));

const columns = [
  column('Last Seen', (event, nowMs) => humanAge(lastSeen(event), nowMs)),
  column('Type', (event) => stringAt(event, 'type') ?? ''),
  column('Reason', (event) => stringAt(event, 'reason') ?? ''),
  column('Object', (event) => {
    const kind = stringAt(event, 'involvedObject', 'kind')?.toLowerCase() ?? '';
    return `${kind}/${stringAt(event, 'involvedObject', 'name') ?? ''}`;
  }),
  column('Subobject', (event) => stringAt(event, 'involvedObject', 'fieldPath') ?? '', 1),
  column(
    'Source',
    (event) => {
      const component = stringAt(event, 'source', 'component') ?? stringAt(event, 'reportingComponent') ?? '';
      const host = stringAt(event, 'source', 'host');
      return host === undefined ? component : `${component}, ${host}`;
    },
    1,
  ),
  column('Message', (event) => (stringAt(event, 'message') ?? '').trim()),
  column(
    'First Seen',
    (event, nowMs) => humanAge(stringAt(event, 'firstTimestamp') ?? stringAt(event, 'eventTime'), nowMs),
    1,
  ),
  column('Count', (event) => occurrences(event), 1),
  { ...nameColumn, priority: 1 },
];

function lastSeen(event: KubeObject): string | undefined {
  return (
    stringAt(event, 'series', 'lastObservedTime') ?? stringAt(event, 'lastTimestamp') ?? stringAt(event, 'eventTime')
  );
}

function occurrences(event: KubeObject): Json {
  const count = valueAt(event, 'series', 'count') ?? event['count'];
  return typeof count === 'number' && count > 0 ? count : 1;
}

function validateEvent(event: KubeObject, requested: ServedVersion): FieldError[] {
  const errors: FieldError[] = [];
  const wrong = (field: string, value: Json | undefined, detail: string): void => {
    errors.push({ field, type: 'FieldValueInvalid', shown: shownValue(value), detail });
  };
  const about = stringAt(event, 'involvedObject', 'namespace') ?? '';
  const own = event.metadata.namespace ?? '';
  if (about === '' ? own !== 'default' && own !== 'kube-system' : about !== own) {
    wrong('involvedObject.namespace', about, 'does not match event.namespace');
  }
  const isNewForm = typeof event['eventTime'] === 'string';
  if (requested.group === '' && !isNewForm) return errors;
  const form = requested.group === '' ? (stored: string) => stored : (stored: string) => toServed.get(stored) ?? stored;
  if (!isNewForm) errors.push({ field: 'eventTime', type: 'FieldValueRequired', detail: '' });
  for (const name of ['reportingComponent', 'reportingInstance', 'action', 'reason']) {
    const value = stringAt(event, name) ?? '';
    // Without a time of its own the event counts as one of the old form, of which these are not asked.
    if (isNewForm && value === '') errors.push({ field: form(name), type: 'FieldValueRequired', detail: '' });
    if (value.length > 128) wrong(form(name), value, 'can have at most 128 characters');
  }
  const type = stringAt(event, 'type') ?? '';
  if (type !== 'Normal' && type !== 'Warning') wrong('type', type, `has invalid value: ${type}`);
  if ((stringAt(event, 'message') ?? '').length > 1024) {
    wrong(form('message'), event['message'], 'can have at most 1024 characters');
  }
  return errors;
}

const involved = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

/** Events: one store, served as `v1` and as `events.k8s.io/v1`, each kept for an hour. */
export function eventKind(
  builtIn: (definition: {
    group: string;
    kind: string;
    plural: string;
    shortNames: readonly string[];
    namespaced: boolean;
    columns: readonly ServedVersion['columns'][number][];
  }) => ResourceKind,
): ResourceKind {
  const kind = builtIn({ group: '', kind: 'Event', plural: 'events', shortNames: ['ev'], namespaced: true, columns });
  const selectors = (about: string): string[] =>
    involved
      .map((name) => `${about}.${name}`)
      .concat('reason', 'reportingComponent', 'source', 'type', 'metadata.name', 'metadata.namespace');
  return {
    ...kind,
    verbs: allVerbs,
    createsOnUpdate: true,
    timeToLiveMs: 3_600_000,
    validate: validateEvent,
    formFault: (event) => microTimeFault(event, [['eventTime'], ['series', 'lastObservedTime']]),
    fillDefaults: (event) => ({
      ...toSeconds(event, ['firstTimestamp', 'lastTimestamp']),
      // The stored form always has these, empty or not.
      involvedObject: isJsonObject(event['involvedObject']) ? event['involvedObject'] : {},
      reportingComponent: stringAt(event, 'reportingComponent') ?? '',
      reportingInstance: stringAt(event, 'reportingInstance') ?? '',
    }),
    versions: [
      ...kind.versions.map((served) => ({ ...served, selectableFields: selectors('involvedObject') })),
      ...kind.versions.map((served) => ({
        ...served,
        group: 'events.k8s.io',
        selectableFields: selectors('regarding'),
        convert: {
          fromStored: (event: KubeObject) => rename(event, 'events.k8s.io/v1', toServed),
          toStored: (event: KubeObject) => rename(event, 'v1', toStored),
        },
      })),
    ],
  };
}
