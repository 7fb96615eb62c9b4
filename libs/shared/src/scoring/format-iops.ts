/** `shownIops`, with the unit. */
export function formatIops(iops: number): string {
  return `${shownIops(iops)} IOPS`;
}

/** For people: whole numbers from 100 on, else one digit after the point. */
export function shownIops(iops: number): number {
  return iops >= 100 || Number.isInteger(iops) ? Math.round(iops) : Math.max(0.1, Number(iops.toFixed(1)));
}
