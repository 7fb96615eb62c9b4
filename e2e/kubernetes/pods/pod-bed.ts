import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Ends with the code of the first part of the last pipe that failed; 1 is no failure behind a pipe, for grep says so. */
const judgement = `codes=("\${PIPESTATUS[@]}")
for position in "\${!codes[@]}"; do
  code=\${codes[$position]}
  if [ "$code" -gt 1 ] || { [ "$code" = 1 ] && [ "$position" = 0 ]; }; then exit "$code"; fi
done
exit 0`;

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
const MAYASTOR = '/api/v1/namespaces/mayastor/services/mayastor-exporter:ledger/proxy';
const PROMETHEUS = '/api/v1/namespaces/kube-system/services/couchestor-prometheus:http/proxy/api/v1';

/** What the simulated Mayastor knows to be true; times are milliseconds on its own clock. */
export interface Truth {
  readonly nowMs: number;
  readonly redundancyViolations: number;
  readonly cordons: readonly string[];
  readonly orphans: readonly string[];
  readonly volumes: readonly VolumeTruth[];
  /** The latest 1,000 that could change something, oldest first. */
  readonly latestCalls: readonly Call[];
}

interface VolumeTruth {
  readonly volume: string;
  readonly declared: number;
  readonly healthy: number;
  readonly replicaCount: number;
  /** Of its replica count: two for each replica that went elsewhere. */
  readonly replicaCountChanges: number;
  readonly pools: readonly string[];
}

interface Call {
  readonly number: number;
  readonly startMs: number;
  readonly method: string;
  readonly path: string;
  readonly status?: number;
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PodBed {
  readonly env: NodeJS.ProcessEnv;
  /**
   * What a shell prints for a line of a guide. A grep that finds nothing is an answer. @throws with what was printed if
   * anything else fails, in the middle of a pipe too
   */
  shell(line: string, options?: { readonly timeoutMs?: number }): Promise<string>;
  /** Runs a script by the shell of the node, as root. @throws if it fails */
  onNode(script: string): Promise<void>;
  /** As `kubectl get ARGS -o json` has it. */
  get<T>(args: string): Promise<T>;
  /** `tools/cluster.ts`, as people run it. @throws if it fails */
  clusterTool(...args: readonly string[]): Promise<void>;
  truth(): Promise<Truth>;
  makeTrouble(what: 'poolFaulted' | 'poolRecovers' | 'nodeDown' | 'nodeUp', id: string): Promise<void>;
  /** An instant query to the Prometheus of the evaluation. */
  query(promql: string): Promise<readonly Sample[]>;
}

export function openPodBed(own: Readonly<Record<string, string>>): PodBed {
  const env = { ...process.env, ...own };
  const shell: PodBed['shell'] = async (line, { timeoutMs = 60_000 } = {}) => {
    const options = { env, maxBuffer: 64 * 1024 ** 2, timeout: timeoutMs };
    const { stdout } = await run('bash', ['-O', 'expand_aliases', '-c', `${line}\n${judgement}`], options);
    return stdout.trim();
  };
  const raw = async (path: string): Promise<unknown> => JSON.parse(await shell(`kubectl get --raw '${path}'`));
  return {
    env,
    shell,
    onNode: async (script) => {
      const [command = 'sh', ...args] = own['COUCHESTOR_NODE_SHELL']?.split(' ') ?? [];
      await run(command, [...args, '-c', script], { env });
    },
    get: async <T>(args: string) => JSON.parse(await shell(`kubectl get ${args} -o json`)) as T,
    clusterTool: async (...args) => {
      const child = spawn(process.execPath, ['tools/cluster.ts', ...args], {
        cwd: root,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const said: string[] = [];
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data: Buffer) => said.push(data.toString()));
      const [code] = (await once(child, 'close')) as [number | null];
      if (code !== 0) throw new Error(`tools/cluster.ts ${args.join(' ')} ended with ${code}:\n${said.join('')}`);
    },
    truth: async () => (await raw(`${MAYASTOR}/ledger`)) as Truth,
    makeTrouble: async (what, id) => {
      await shell(`kubectl create --raw ${MAYASTOR}/faults/${what}/${id} -f /dev/null`);
    },
    query: async (promql) => {
      const answer = (await raw(`${PROMETHEUS}/query?query=${encodeURIComponent(promql)}`)) as {
        readonly data: {
          readonly result: readonly { readonly metric: Sample['metric']; readonly value: [number, string] }[];
        };
      };
      return answer.data.result.map(({ metric, value: [, text] }) => ({ metric, value: Number(text) }));
    },
  };
}
