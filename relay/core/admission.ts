/**
 * Whose mailboxes a relay opens, beyond its limits: anybody's, only those on a list, or only those who know a token. Asked
 * when a device publishes, since that is what opens a mailbox. Depositing stays open to everyone, because whoever writes to
 * a resident is a stranger to the relay, often under a key made for the occasion; whom to refuse a connection is the door's.
 */
import type { AccountId, DeviceId } from '../../protocol/ids.ts'

export interface AdmissionInit {
  /** Accounts and devices that may have a mailbox; undefined: everyone may. */
  readonly allow?: ReadonlySet<string>
  /** Accounts and devices that may not, whatever else holds. */
  readonly deny?: ReadonlySet<string>
  /** What must be said to open a mailbox; undefined: nothing. */
  readonly token?: Uint8Array
}

export type Admitted = 'admitted' | 'token-needed' | 'token-wrong' | 'not-admitted'

export class Admission {
  readonly #init: AdmissionInit

  constructor(init: AdmissionInit = {}) {
    this.#init = init
  }

  of(device: DeviceId, account: AccountId, token: Uint8Array | undefined): Admitted {
    const { allow, deny } = this.#init
    if (deny?.has(device) === true || deny?.has(account) === true) return 'not-admitted'
    if (allow !== undefined && !allow.has(device) && !allow.has(account)) return 'not-admitted'
    if (this.#init.token === undefined || sameSecret(this.#init.token, token)) return 'admitted'
    return token === undefined ? 'token-needed' : 'token-wrong'
  }
}

/** Takes as long for a wrong first byte as for a wrong last one. */
function sameSecret(secret: Uint8Array, said: Uint8Array | undefined): boolean {
  let difference = secret.length ^ (said?.length ?? 0)
  for (let i = 0; i < secret.length; i++) difference |= (secret[i] as number) ^ (said?.[i] ?? 0)
  return difference === 0
}
