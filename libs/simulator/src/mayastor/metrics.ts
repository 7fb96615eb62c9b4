import { poolUsedBytes } from './capacity.ts';
import type { StorageNode } from './entities.ts';
import { sumOf, type IoCounters } from './load-meter.ts';
import { now, type World } from './world.ts';

/**
 * The text of Mayastor's metrics exporter. Every series is a gauge, also those that only grow; a volume has series only
 * while it is published, under the node of its target, and they begin at 0 with each target.
 */
export function renderMetrics(world: World, nodes: readonly StorageNode[]): string {
  const series = new Map<string, string[]>();
  const add = (name: string, labels: string, value: number): void => {
    const line = `${name}{${labels}} ${String(Math.floor(value))}`;
    const lines = series.get(name);
    if (lines === undefined) series.set(name, [line]);
    else lines.push(line);
  };
  const atMs = now(world);
  for (const node of nodes) {
    for (const pool of node.pools) {
      const labels = `node="${node.id}",name="${pool.id}"`;
      add('diskpool_total_size_bytes', labels, pool.capacityBytes);
      add('diskpool_used_size_bytes', labels, poolUsedBytes(world, pool));
      add('diskpool_committed_size_bytes', labels, pool.committedBytes);
      add('diskpool_status', labels, pool.faulted ? 3 : 1);
      let sum = pool.meter.read(atMs);
      for (const replica of pool.replicas) {
        const counters = replica.meter.read(atMs);
        sum = sumOf(sum, counters);
        const names = `node="${node.id}",name="${replica.uuid}",pv_name="pvc-${replica.madeFor.uuid}"`;
        addCounters(add, 'replica', names, counters);
      }
      addCounters(add, 'diskpool', labels, sum);
    }
    for (const nexus of node.nexuses) {
      if (!nexus.exists || nexus.shutdown) continue;
      const labels = `node="${node.id}",pv_name="pvc-${nexus.volume.uuid}"`;
      addCounters(add, 'volume', labels, nexus.volume.meter.read(atMs));
    }
  }
  let text = '';
  for (const [name, lines] of series) {
    text += `# HELP ${name} ${helpOf(name)}\n# TYPE ${name} gauge\n${lines.join('\n')}\n`;
  }
  return text;
}

function addCounters(
  add: (name: string, labels: string, value: number) => void,
  device: 'volume' | 'replica' | 'diskpool',
  labels: string,
  counters: IoCounters,
): void {
  add(`${device}_num_read_ops`, labels, counters.readOps);
  add(`${device}_num_write_ops`, labels, counters.writeOps);
  add(`${device}_bytes_read`, labels, counters.bytesRead);
  add(`${device}_bytes_written`, labels, counters.bytesWritten);
  add(`${device}_read_latency_us`, labels, counters.readLatencyUs);
  add(`${device}_write_latency_us`, labels, counters.writeLatencyUs);
}

function helpOf(name: string): string {
  return name.replaceAll('_', ' ');
}
