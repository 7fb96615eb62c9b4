import { type IncomingMessage, request, type RequestOptions } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

const ANSWER_TIMEOUT_MS = 60_000;

/** The few calls of an engine's HTTP API that building images and counting containers takes. No command line needed. */
export interface DockerApi {
  /** As DOCKER_HOST has it. */
  readonly host: string;
  /** Whether an engine answers. */
  answers(): Promise<boolean>;
  /** Makes an image of one layer from a tar archive; `instructions` are lines of a Dockerfile such as `USER nobody`. */
  importImage(reference: string, archive: Readable, instructions: readonly string[]): Promise<void>;
  removeImage(reference: string): Promise<void>;
  /** Containers made from these images, whatever their state. */
  containersOf(references: readonly string[]): Promise<readonly string[]>;
  removeContainer(id: string): Promise<void>;
}

/** @throws RangeError for an address that is neither `unix://` nor plain `tcp://` or `http://`. */
export function createDockerApi(host: string): DockerApi {
  const address = addressOf(host);

  const call = async (method: string, path: string, body?: Readable): Promise<string> => {
    const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request({ ...address, method, path, timeout: ANSWER_TIMEOUT_MS }, resolve);
    outgoing.on('error', reject);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${host} did not answer in ${ANSWER_TIMEOUT_MS} ms`)));
    if (body === undefined) outgoing.end();
    const [answer] = await Promise.all([answered, body === undefined ? undefined : pipeline(body, outgoing)]);
    const content = await text(answer);
    const { statusCode = 0 } = answer;
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${content.trim()}`);
    return content;
  };

  return {
    host,
    answers: () =>
      call('GET', '/_ping').then(
        () => true,
        () => false,
      ),
    importImage: async (reference, archive, instructions) => {
      const [repo = '', tag = 'latest'] = reference.split(':');
      const query = new URLSearchParams({ fromSrc: '-', repo, tag });
      for (const instruction of instructions) query.append('changes', instruction);
      const progress = await call('POST', `/images/create?${query.toString()}`, archive);
      // The status is sent before the work is done, so a failure can only be told at the end of the progress.
      if (progress.includes('"error"')) throw new Error(`${reference} could not be imported: ${progress.trim()}`);
    },
    removeImage: async (reference) => {
      await call('DELETE', `/images/${reference}`);
    },
    containersOf: async (references) => {
      const query = new URLSearchParams({ all: '1', filters: JSON.stringify({ ancestor: references }) });
      const found = await call('GET', `/containers/json?${query.toString()}`);
      return (JSON.parse(found) as readonly { readonly Id: string }[]).map(({ Id }) => Id);
    },
    removeContainer: async (id) => {
      await call('DELETE', `/containers/${id}?force=1&v=1`);
    },
  };
}

function addressOf(host: string): RequestOptions {
  const { protocol, hostname, port, pathname } = new URL(host);
  switch (protocol) {
    case 'unix:':
      return { socketPath: pathname };
    case 'tcp:':
    case 'http:':
      return { host: hostname, port };
    default:
      throw new RangeError(`DOCKER_HOST is ${JSON.stringify(host)}; unix://, tcp:// and http:// are understood`);
  }
}
