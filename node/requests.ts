/** Calls of the library that wait for the rules' answer: each gets one, or learns that the node has stopped. */
import { NodeError } from './api.ts'
import type { Answer } from './core/answers.ts'
import type { Input } from './core/inputs.ts'

type Kind = (Answer & { ok: true })['kind']

interface Pending {
  readonly answered: (answer: Answer) => void
  readonly fail: (error: Error) => void
}

export class Requests {
  readonly #push: (input: Input) => void
  readonly #pending = new Map<number, Pending>()
  #last = 0

  constructor(push: (input: Input) => void) {
    this.#push = push
  }

  /** Rejects with NodeError when the answer is a refusal. */
  ask<K extends Kind>(kind: K, input: (request: number) => Input): Promise<Extract<Answer, { kind: K }>> {
    const request = ++this.#last
    return new Promise((resolve, reject) => {
      const answered = (answer: Answer): void => {
        if (!answer.ok) return reject(new NodeError(answer.reason, answer.message))
        if (answer.kind === kind) return resolve(answer as Extract<Answer, { kind: K }>)
        return reject(new Error(`asked for ${kind}, answered ${answer.kind}`))
      }
      this.#pending.set(request, { answered, fail: reject })
      this.#push(input(request))
    })
  }

  answered(request: number, answer: Answer): void {
    const pending = this.#pending.get(request)
    this.#pending.delete(request)
    pending?.answered(answer)
  }

  failAll(error: Error): void {
    for (const { fail } of this.#pending.values()) fail(error)
    this.#pending.clear()
  }
}
