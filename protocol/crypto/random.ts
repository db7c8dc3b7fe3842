/**
 * Where randomness comes from. An argument everywhere, so that a simulation can replay it; the real one is in
 * `protocol/crypto/primitives.ts`.
 */
export interface Random {
  /** `length` unpredictable bytes, freshly allocated. */
  bytes(length: number): Uint8Array
}
