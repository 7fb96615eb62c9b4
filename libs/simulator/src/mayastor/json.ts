/** JSON as it goes over the wire. Each call makes a new one, so nobody can reach into the model through an answer. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Prefix of every NVMe qualified name that Mayastor gives. */
export const nqnPrefix = 'nqn.2019-05.io.openebs:';
