const pattern = /^v?(\d+)\.(\d+)(?:\.(\d+))?/;

/** True when the version is known and not older than the minimum, such as `2.10`. Pre-releases count as the release. */
export function versionAtLeast(version: string | undefined, minimum: string): boolean {
  const found = partsOf(version);
  const wanted = partsOf(minimum);
  return found !== undefined && wanted !== undefined && compareParts(found, wanted) >= 0;
}

/** Undefined when any of them is unknown, or none is given. */
export function lowestVersion(versions: readonly (string | undefined)[]): string | undefined {
  let lowest: { readonly version: string; readonly parts: Parts } | undefined;
  for (const version of versions) {
    const parts = partsOf(version);
    if (version === undefined || parts === undefined) return undefined;
    if (lowest === undefined || compareParts(parts, lowest.parts) < 0) lowest = { version, parts };
  }
  return lowest?.version;
}

type Parts = readonly [major: number, minor: number, patch: number];

function partsOf(version: string | undefined): Parts | undefined {
  const match = version === undefined ? null : pattern.exec(version);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

function compareParts(left: Parts, right: Parts): number {
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}
