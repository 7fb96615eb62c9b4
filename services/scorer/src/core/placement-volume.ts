import type { VolumeObserved } from '@couchestor/shared/messages';
import type { PlacementVolume } from '@couchestor/shared/policy';

type Sizes = Pick<VolumeObserved, 'sizeBytes' | 'thin' | 'allocatedBytes'>;
type Placeable = Sizes & Partial<Pick<VolumeObserved, 'encrypted' | 'topology'>>;

/** The parts of a volume's fact that decide where a replica of it may lie. */
export function placementVolume({ sizeBytes, thin, allocatedBytes, encrypted, topology }: Placeable): PlacementVolume {
  const { poolInclusion, nodeInclusion, nodeExclusion, allowedNodes } = topology ?? {};
  return {
    sizeBytes,
    thin,
    ...(allocatedBytes === undefined ? {} : { allocatedBytes }),
    ...(encrypted === undefined ? {} : { encrypted }),
    topology: {
      ...(poolInclusion === undefined ? {} : { poolInclusion }),
      ...(nodeInclusion === undefined ? {} : { nodeInclusion }),
      ...(nodeExclusion === undefined ? {} : { nodeExclusion }),
      ...(allowedNodes === undefined ? {} : { allowedNodes }),
    },
  };
}
