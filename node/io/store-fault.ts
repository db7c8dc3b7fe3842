/** How the store refuses: in the words of the library's face, so that a caller can act on them without a translation. */
// oxlint-disable-next-line no-restricted-imports -- NodeError is a vocabulary and stands on nothing in node/.
import { NodeError } from '../api.ts'

export { NodeError }

/** `what` says, without naming anybody, how it is known. */
export function corruptStore(what: string): NodeError {
  return new NodeError(
    'corrupt-store',
    `The store is damaged or not a store: ${what}. Put back a backup of the data directory, ` +
      'or move the directory away to begin a new profile.',
  )
}
