import { idOfSubject, streams, subjectFilterOf, type StateName } from '../messages/index.ts';
import { untilAborted } from './abort.ts';
import type { BusContext } from './context.ts';
import type { Fact } from './facts.ts';
import { createMirror } from './mirror.ts';
import { AWAY_MAX_MS, readInOrder } from './ordered-reader.ts';
import { guarded, readFact } from './read-fact.ts';

/** As a table of facts, of which only the ids are held: whoever listens keeps what it needs. */
export async function followFacts<N extends StateName>(
  context: BusContext,
  name: N,
  onChange: (id: string, next: Fact<N> | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  const caughtUp = Promise.withResolvers<void>();
  const report = (id: string, next: Fact<N> | undefined): void => guarded(context, name, () => onChange(id, next));
  const known = createMirror<true>((id, next) => {
    if (next === undefined) report(id, undefined);
  });
  const reading = readInOrder(context, {
    stream: streams.state.name,
    filterSubject: subjectFilterOf(name),
    awayMaxMs: AWAY_MAX_MS,
    signal,
    onSession: ({ restarted }) => restarted && known.startOver(),
    onMessage: (message) => {
      const id = idOfSubject(message.subject);
      const fact = readFact(context, message);
      if (fact === undefined) return known.delete(id);
      known.set(id, true);
      report(id, fact);
    },
    onCaughtUp: () => {
      known.finish();
      caughtUp.resolve();
    },
  });
  context.track(`following ${name}`, reading);
  await untilAborted(caughtUp.promise, signal);
}
