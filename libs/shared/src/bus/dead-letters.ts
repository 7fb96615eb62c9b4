import type { Clock } from '../clock/index.ts';
import { DEAD_LETTER_BYTES_MAX, deadLetterSubject, type StoredDeadLetter } from '../messages/index.ts';
import type { BusLogger, DeadLetter } from './bus.ts';
import type { BusMetrics } from './metrics.ts';
import type { Publisher } from './publisher.ts';

const PROBLEM_LENGTH_MAX = 4_096;

export interface DeadLetters {
  /** Logs and counts it, and resolves when it is stored. @throws the signal's reason */
  put(letter: DeadLetter, signal?: AbortSignal): Promise<void>;
}

export interface DeadLettersOptions {
  /** Only log and count. */
  readonly readOnly: boolean;
  readonly newId: () => string;
}

export function createDeadLetters(
  publisher: Publisher,
  clock: Clock,
  logger: BusLogger,
  metrics: BusMetrics,
  { readOnly, newId }: DeadLettersOptions,
): DeadLetters {
  return {
    put: async (letter, signal) => {
      const { service, subject, stream, sequence, bytes } = letter;
      const problem = letter.problem.slice(0, PROBLEM_LENGTH_MAX);
      const record: StoredDeadLetter = {
        service,
        time: new Date(clock.nowMs()).toISOString(),
        subject,
        ...(stream === undefined ? {} : { stream }),
        ...(sequence === undefined ? {} : { sequence }),
        problem,
        sizeBytes: bytes.byteLength,
        truncated: bytes.byteLength > DEAD_LETTER_BYTES_MAX,
        base64: Buffer.from(bytes.subarray(0, DEAD_LETTER_BYTES_MAX)).toString('base64'),
      };
      metrics.deadLettered(stream ?? 'none');
      logger.error({ subject, stream, sequence, problem }, 'message put into the dead letters');
      if (readOnly) return;
      await publisher.publish({
        subject: deadLetterSubject(service),
        bytes: JSON.stringify(record),
        messageId:
          stream === undefined || sequence === undefined ? newId() : `${stream}/${sequence}/${service}/${subject}`,
        signal,
      });
    },
  };
}
