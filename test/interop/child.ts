/** A session peer in a process of its own, and the requests one can make of it. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Answer, Request } from './json-lines.ts'

export class Peer {
  readonly label: string
  readonly #child: ChildProcess
  readonly #waiting: ((answer: Answer) => void)[] = []

  constructor(label: string, file: 'peer.ts' | 'oracle.ts', args: readonly string[] = []) {
    this.label = label
    const path = fileURLToPath(new URL(file, import.meta.url))
    this.#child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: this.#child.stdout ?? process.stdin })
    lines.on('line', (line) => this.#waiting.shift()?.(JSON.parse(line) as Answer))
    this.#child.on('exit', () => {
      for (const resolve of this.#waiting.splice(0)) resolve({ ok: false, reason: 'exited' })
    })
  }

  ask(op: string, fields: Request = {}): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#child.stdin?.write(`${JSON.stringify({ op, ...fields })}\n`)
    })
  }

  /** The answer of a request that must succeed. */
  async need(op: string, fields: Request = {}): Promise<Answer> {
    const answer = await this.ask(op, fields)
    if (answer['ok'] !== true) throw new Error(`${this.label} ${op}: ${String(answer['reason'])}`)
    return answer
  }

  close(): void {
    this.#child.stdin?.end()
  }
}
