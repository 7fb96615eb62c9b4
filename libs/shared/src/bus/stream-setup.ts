import {
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { buckets, MESSAGE_BYTES_MAX, streams, type StreamDefinition } from '../messages/index.ts';
import { DAY_MS, MINUTE_MS } from '../units/index.ts';
import { bucketStream } from './metrics.ts';

/** For the subject and the headers, which count as part of the message. */
const HEADER_BYTES_MAX = 16 * 1024;
/** What a server says if a stream of that name exists and is not the one that was asked for. */
const STREAM_NAME_IN_USE = 10058;
const STREAM_NOT_FOUND = 10059;

type WantedStream = Partial<StreamConfig> & Pick<StreamConfig, 'name'>;

export function wantedStreams(replicas: number): readonly WantedStream[] {
  return [
    ...Object.values(streams).map((stream) => streamConfig(stream, replicas)),
    ...Object.values(buckets).map((bucket) => bucketConfig(bucket, replicas)),
  ];
}

/** Creates it, or brings the settings of the existing one to what they should be. */
export async function ensureStream(jsm: JetStreamManager, wanted: WantedStream): Promise<StreamInfo> {
  const info = await streamInfo(jsm, wanted.name);
  if (info === undefined) {
    try {
      // A copy, because the library writes into what it is given.
      return await jsm.streams.add({ ...wanted });
    } catch (error) {
      // Another service of another version was quicker; what it made is brought in line below.
      if (!(error instanceof JetStreamApiError) || error.code !== STREAM_NAME_IN_USE) throw error;
    }
  }
  const present = info ?? (await jsm.streams.info(wanted.name));
  return differs(present.config, wanted) ? jsm.streams.update(wanted.name, { ...present.config, ...wanted }) : present;
}

export async function streamInfo(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
}

function differs(present: StreamConfig, wanted: WantedStream): boolean {
  return Object.entries(wanted).some(([key, value]) => {
    // Servers leave out what is false or zero.
    const is = present[key as keyof StreamConfig] ?? (typeof value === 'boolean' ? false : 0);
    return JSON.stringify(is) !== JSON.stringify(value);
  });
}

function streamConfig(stream: StreamDefinition, replicas: number): WantedStream {
  return {
    name: stream.name,
    subjects: [...stream.subjects],
    retention: stream.retention === 'workqueue' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    discard: stream.discard === 'new' ? DiscardPolicy.New : DiscardPolicy.Old,
    storage: StorageType.File,
    max_msgs_per_subject: stream.maxMessagesPerSubject,
    max_age: nanoseconds(stream.maxAgeMs),
    max_bytes: stream.maxBytes,
    max_msg_size: MESSAGE_BYTES_MAX + HEADER_BYTES_MAX,
    duplicate_window: nanoseconds(stream.duplicateWindowMs),
    num_replicas: replicas,
  };
}

/** As the key-value clients of NATS lay out their buckets, so that `nats kv` reads them. */
function bucketConfig(
  bucket: { readonly name: string; readonly maxBytes: number; readonly ttlMs: number },
  replicas: number,
): WantedStream {
  return {
    name: bucketStream(bucket.name),
    subjects: [`$KV.${bucket.name}.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    storage: StorageType.File,
    max_msgs_per_subject: 1,
    max_age: nanoseconds(bucket.ttlMs),
    max_bytes: bucket.maxBytes,
    max_msg_size: MESSAGE_BYTES_MAX + HEADER_BYTES_MAX,
    duplicate_window: nanoseconds(Math.min(2 * MINUTE_MS, bucket.ttlMs === 0 ? DAY_MS : bucket.ttlMs)),
    allow_rollup_hdrs: true,
    deny_delete: true,
    // A read must not be answered by a follower that has not heard of the last write.
    allow_direct: false,
    num_replicas: replicas,
  };
}

function nanoseconds(ms: number): number {
  return ms * 1_000_000;
}
