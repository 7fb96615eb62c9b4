/** Why the redundancy of a volume changed. */
export type Cause =
  | { readonly kind: 'operation'; readonly call: number }
  | { readonly kind: 'fault' }
  | { readonly kind: 'selfHeal' };
