import type { ServerDefinition } from './definition.ts';

/** A running server on 127.0.0.1, or one that was given and is left alone. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly origin: 'given' | 'binary' | 'docker';
  /** True for a given server: others may use it too, so isolate what you put there and clean up yourself. */
  readonly shared: boolean;
  /** The process, where it is one of ours. */
  readonly pid: number | undefined;
  /** Stops it gracefully and keeps its data, until it is restarted or disposed of. A given server is left alone. */
  stop(): Promise<void>;
  /** Ends it with SIGKILL; its data is kept. Not for a given server. */
  kill(): Promise<void>;
  /** Stops it if it runs, and starts it on the same port with the same data. Not for a given server. */
  restart(): Promise<void>;
  /** Stops it and removes its data. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ServerOptions {
  /** Where settings and PATH are read from; the environment of this process by default. */
  readonly env?: NodeJS.ProcessEnv;
  /** The port to try first; another one is taken when it is not free. */
  readonly port?: number;
  /** Where a process makes the folder for its data, in place of the system's for temporary files. */
  readonly parentFolder?: string;
  /** Called with each line of its log. Nothing is called for a given server. */
  readonly onLine?: (line: string) => void;
}

/** No way to get a server worked; `errors` holds why, for each way that was tried. */
export class ServerStartError extends AggregateError {
  constructor(definition: ServerDefinition, errors: readonly Error[]) {
    const reasons = errors.map((error) => `  - ${error.message}`).join('\n');
    super(
      errors,
      `${definition.name} could not be started:\n${reasons}\n` +
        `Set ${definition.urlVariable} to a running one, or install ${definition.binary}.`,
    );
    this.name = 'ServerStartError';
  }
}
