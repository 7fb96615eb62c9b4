import { delimiter, join } from 'node:path';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import type { RequestOptions } from 'node:https';
import { ConfigurationError, messageOf } from '../service/errors.ts';
import { createKubernetesAccess, type Credentials, type KubernetesAccess } from './access.ts';

/**
 * The API server that the environment names: the files in KUBECONFIG, else the cluster that this process runs in, else
 * `~/.kube/config`.
 *
 * @throws ConfigurationError if there is none, or it cannot be read
 */
export async function loadKubernetesAccess(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<KubernetesAccess> {
  // Loaded here, since not every service needs it; and of the package this part alone, for all of it takes a good part of
  // a second and 60 MiB.
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  try {
    const files = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
    const homeFile = join(environment['HOME'] ?? homedir(), '.kube', 'config');
    const [first, ...others] = files;
    if (first !== undefined) {
      config.loadFromFile(first);
      for (const file of others) {
        const other = new KubeConfig();
        other.loadFromFile(file);
        config.mergeConfig(other);
      }
    } else if ((environment['KUBERNETES_SERVICE_HOST'] ?? '') !== '') {
      config.loadFromCluster();
    } else if (existsSync(homeFile)) {
      config.loadFromFile(homeFile);
    } else {
      throw new Error('no cluster is configured');
    }
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error('the current context names no cluster');
    if (cluster.proxyUrl?.startsWith('socks') === true) throw new Error('a SOCKS proxy is not supported');
    // The library refuses plain HTTP unless told that TLS is not to be verified, which means nothing without TLS.
    if (cluster.server.startsWith('http:')) {
      config.clusters = config.clusters.map((each) => (each === cluster ? { ...each, skipTLSVerify: true } : each));
    }
    const { proxyUrl } = cluster;
    return createKubernetesAccess({
      baseUrl: cluster.server,
      readCredentials: async () => {
        const options: RequestOptions = {};
        await config.applyToHTTPSOptions(options);
        return toCredentials(options, proxyUrl);
      },
    });
  } catch (cause) {
    throw new ConfigurationError(
      [
        {
          name: 'KUBECONFIG',
          value: environment['KUBECONFIG'],
          problem: messageOf(cause),
          remedy: 'Set it to the path of a kubeconfig file, or run inside a cluster',
        },
      ],
      { cause },
    );
  }
}

function toCredentials(options: RequestOptions, proxyUrl: string | undefined): Credentials {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value);
  if (options.auth !== undefined && options.auth !== null) {
    headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const given = Object.entries({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername });
  const tls = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  return { headers, tls, ...(proxyUrl === undefined ? {} : { proxyUrl }) };
}
