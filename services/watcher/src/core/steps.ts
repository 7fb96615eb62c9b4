/** Rounds bytes up to whole percents of a size, so that what grows all the time is news only now and then. */
export function upToPercentStep(bytes: number, sizeBytes: number): number {
  if (sizeBytes <= 0) return bytes;
  return Math.ceil((Math.ceil((bytes * 100) / sizeBytes) * sizeBytes) / 100);
}
