/** One question to one directory, one answer, in bounded time: `node/io/directory-client.ts` and the device's own directory. */
import type { DeviceId } from '../../../protocol/ids.ts'
import { requestMsMax } from '../../../protocol/limits.ts'
import { directoryProtocol, type DirectoryFrame } from '../../../protocol/wire/directory.ts'
import type { DirectoryAnswer, Input } from '../../../node/core/inputs.ts'
import type { Carriage } from './carriage.ts'
import { addressOf, expectedAt } from './mailbox-lines.ts'
import type { Host, Network } from './network.ts'
import type { End } from './wire.ts'

export interface QuestionsInit {
  readonly network: Network
  readonly host: Host
  readonly carriage: Carriage
  readonly push: (input: Input) => void
}

export class Questions {
  readonly #init: QuestionsInit
  readonly #askers = new Map<number, End>()
  #lastAsker = 0

  constructor(init: QuestionsInit) {
    this.#init = init
    init.host.services.set(directoryProtocol, (end) => {
      const asker = ++this.#lastAsker
      let asked = false
      return {
        onFrame: (frame) => {
          if (asked) return end.close('a question before the answer to the last')
          asked = true
          this.#askers.set(asker, end)
          init.push({ kind: 'directory-asked', asker, frame: frame as DirectoryFrame })
        },
        onEnd: () => this.#askers.delete(asker),
      }
    })
  }

  answerAsker(asker: number, frame: DirectoryFrame): void {
    const end = this.#askers.get(asker)
    if (end !== undefined) this.#init.carriage.directory(end, frame)
  }

  /** `as` is absent when asked anonymously. */
  ask(at: string, question: DirectoryFrame, as: DeviceId | undefined, tell: (answer: DirectoryAnswer) => void): void {
    const { network, host, carriage } = this.#init
    let over = false
    let end: End | undefined
    const finish = (answer: DirectoryAnswer): void => {
      if (over) return
      over = true
      deadline.act = undefined
      tell(answer)
      end?.close('done')
    }
    const deadline = network.world.after(requestMsMax, () => finish({ kind: 'unreachable', reason: 'timed out' }))
    const listener = {
      onFrame: (frame: unknown) => finish({ kind: 'answered', frame: frame as DirectoryFrame }),
      onEnd: (reason: string) => finish({ kind: 'unreachable', reason }),
    }
    const [addresses, expects] = [[addressOf(at)], expectedAt(at)]
    network.dial({ from: host, addresses, expects, protocol: directoryProtocol, as, listener }, (dialled) => {
      if (!dialled.ok) return finish({ kind: 'unreachable', reason: dialled.reason })
      end = dialled.end
      if (over) return end.close('too late')
      carriage.directory(end, question)
    })
  }
}
