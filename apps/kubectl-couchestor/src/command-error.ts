/** What the user can do something about; printed as `error: message` with the remedy below, and no stack. */
export class CommandError extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.remedy = remedy;
  }
}
