import { readFile } from 'node:fs/promises';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';

export interface ConnectionOptions {
  /** Of one query. */
  readonly timeoutMs: number;
  /** Bearer token; read again for each request, for such tokens are renewed. */
  readonly bearerTokenFile?: string;
  readonly basicAuth?: { readonly username: string; readonly password: string };
  /** As `X-Scope-OrgID: team-a`. */
  readonly tenant?: { readonly header: string; readonly value: string };
  /** PEM, in place of the certificates that the system trusts. */
  readonly caFile?: string;
  /** PEM; shown to a server that asks who we are. */
  readonly clientCertificate?: { readonly certificateFile: string; readonly keyFile: string };
  /** An HTTP proxy that everything goes through. */
  readonly proxyUrl?: string;
}

export interface PrometheusConnection extends AsyncDisposable {
  /** By the certificates as they are now, for they are renewed while the process runs. */
  dispatcher(): Promise<Dispatcher>;
  headers(): Promise<Readonly<Record<string, string>>>;
}

export function createConnection(options: ConnectionOptions): PrometheusConnection {
  const { bearerTokenFile, basicAuth, tenant } = options;
  let current: { readonly tls: Tls; readonly dispatcher: Dispatcher } | undefined;
  return {
    dispatcher: async () => {
      const tls = await readTls(options);
      if (current !== undefined && same(current.tls, tls)) return current.dispatcher;
      // What is still under way on the old connections ends there.
      void current?.dispatcher.close();
      current = { tls, dispatcher: createDispatcher(options, tls) };
      return current.dispatcher;
    },
    headers: async () => ({
      ...(bearerTokenFile === undefined
        ? {}
        : { authorization: `Bearer ${(await readFile(bearerTokenFile, 'utf8')).trim()}` }),
      ...(basicAuth === undefined ? {} : { authorization: `Basic ${base64(basicAuth)}` }),
      ...(tenant === undefined ? {} : { [tenant.header]: tenant.value }),
    }),
    [Symbol.asyncDispose]: async () => {
      await current?.dispatcher.close();
    },
  };
}

interface Tls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

async function readTls({ caFile, clientCertificate }: ConnectionOptions): Promise<Tls> {
  const [ca, cert, key] = await Promise.all(
    [caFile, clientCertificate?.certificateFile, clientCertificate?.keyFile].map(async (path) =>
      path === undefined ? undefined : readFile(path, 'utf8'),
    ),
  );
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

const same = (a: Tls, b: Tls): boolean => a.ca === b.ca && a.cert === b.cert && a.key === b.key;

function createDispatcher({ timeoutMs, proxyUrl }: ConnectionOptions, tls: Tls): Dispatcher {
  const times = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
  const connect = { timeout: Math.min(timeoutMs, 10_000), ...tls };
  if (proxyUrl === undefined) return new Agent({ ...times, connect });
  return new ProxyAgent({ ...times, uri: proxyUrl, requestTls: connect });
}

const base64 = ({ username, password }: NonNullable<ConnectionOptions['basicAuth']>): string =>
  Buffer.from(`${username}:${password}`).toString('base64');
