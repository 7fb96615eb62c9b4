import type { Message, MessageData, StateName } from '@couchestor/shared/messages';
import type { DirectBus } from '../bus/simulated-bus.ts';
import type { Ways } from './ways.ts';

interface HeardFact<N extends StateName> {
  readonly data: MessageData<N>;
  readonly timeMs: number;
  readonly traceparent?: string;
}

/** What one process has heard of the facts that others publish: what was published last comes late, or later. */
export interface HeardFacts {
  /** Takes in what has come; whether there was any news. */
  hear(): boolean;
  of<N extends StateName>(name: N): ReadonlyMap<string, HeardFact<N>>;
  /** Whether everything is known that was published, but for what is on its way. */
  isSynced(): boolean;
}

/** A stream that was lost is filled again bit by bit. */
const REFILLED_MS = 500;

export function createHeardFacts(ways: Ways, bus: DirectBus, names: readonly StateName[]): HeardFacts {
  const { clock } = ways.process;
  const tables = new Map(names.map((name) => [name, new Map<string, HeardFact<StateName>>()]));
  let heardTo: number | undefined;
  let lost: { readonly atMs: number; readonly unconfirmed: Set<string> } | undefined;

  const take = (name: StateName, id: string, message: Message | undefined, timeMs: number): void => {
    const table = tables.get(name);
    lost?.unconfirmed.delete(`${name}/${id}`);
    if (table === undefined) return;
    if (message === undefined) table.delete(id);
    else
      table.set(id, {
        data: message.data as MessageData<StateName>,
        timeMs,
        ...(message.traceparent === undefined ? {} : { traceparent: message.traceparent }),
      });
  };
  const hear = (): boolean => {
    let isNews = false;
    if (lost !== undefined && clock.monotonicMs() - lost.atMs >= REFILLED_MS) {
      for (const key of lost.unconfirmed) {
        const [name, id] = key.split('/', 2) as [StateName, string];
        tables.get(name)?.delete(id);
      }
      lost = undefined;
      isNews = true;
    }
    const { factLog } = bus;
    if (heardTo === factLog.length || !ways.hears('facts')) return isNews;
    if (heardTo === undefined) {
      for (const name of names)
        for (const { id, message, timeMs } of bus.storedFacts(name)) take(name, id, message, timeMs);
      heardTo = factLog.length;
      return true;
    }
    for (; heardTo < factLog.length; heardTo += 1) {
      const news = factLog[heardTo];
      if (news === undefined) continue;
      if (news === 'lost') {
        const keys = [...tables].flatMap(([name, table]) => [...table.keys()].map((id) => `${name}/${id}`));
        lost = { atMs: clock.monotonicMs(), unconfirmed: new Set(keys) };
      } else if (tables.has(news.name)) take(news.name, news.id, news.message, news.timeMs);
      isNews = true;
    }
    return isNews;
  };
  return {
    hear,
    of: (name) => (tables.get(name) ?? new Map()) as never,
    isSynced: () => heardTo !== undefined && lost === undefined,
  };
}

/** What the stream holds of some facts, by what makes one another than the last: for who publishes them. */
export interface HeldFacts {
  holds(name: StateName, id: string, identity: string): boolean;
  ids(name: StateName): readonly string[];
  /** Takes in what was stored, and tells of each fact that is another now, or gone with the stream. */
  follow(onOther: (name: StateName, id: string) => void): void;
}

export const TOMBSTONE = 'tombstone';

export function createHeldFacts(bus: DirectBus, names: readonly StateName[]): HeldFacts {
  const held = new Map(
    names.map((name) => [name, new Map(bus.storedFacts(name).map(({ id, digest }) => [id as string, digest]))]),
  );
  let lookedTo = bus.factLog.length;
  return {
    holds: (name, id, identity) => {
      const known = held.get(name)?.get(id);
      return known === identity || (known === undefined && identity === TOMBSTONE);
    },
    ids: (name) => [...(held.get(name) ?? [])].flatMap(([id, digest]) => (digest === TOMBSTONE ? [] : [id])),
    follow: (onOther) => {
      for (; lookedTo < bus.factLog.length; lookedTo += 1) {
        const news = bus.factLog[lookedTo];
        if (news === 'lost') {
          for (const [name, known] of held) {
            for (const id of known.keys()) onOther(name, id);
            known.clear();
          }
        } else if (news !== undefined) {
          const known = held.get(news.name);
          if (known === undefined) continue;
          known.set(news.id, news.digest);
          onOther(news.name, news.id);
        }
      }
    },
  };
}
