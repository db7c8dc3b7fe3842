/**
 * A conversation as lines: what is typed comes in whole lines, what happens is written above the line being typed. Without
 * a terminal it is plain lines in and out. What the lines mean is `words.ts`.
 */
import { createInterface, type Interface } from 'node:readline'
import type { Output } from '../output.ts'
import { clearTyped } from './typed-line.ts'

/** Lines read ahead of the one being worked on, when a program writes faster than messages can be kept. */
const aheadMax = 256

export interface Screen {
  /** Lines until the end of input or the end of the screen. */
  lines(): AsyncGenerator<string>
  /** Data: to stdout, and resolves when written. */
  show(value: object, words: string): Promise<void>
  /** Remarks: to the terminal when there is one, else to stderr. */
  tell(words: string): void
  readonly interactive: boolean
  /** What has been typed so far would be said to somebody. */
  isSaying(): boolean
  /** Whom a line goes to. */
  prompt(name: string | undefined): void
  close(): void
}

export function openScreen(output: Output): Screen {
  const interactive = process.stdin.isTTY && output.terminal
  const io = createInterface({
    input: process.stdin,
    ...(interactive ? { output: process.stdout, historySize: 200 } : {}),
    terminal: interactive,
  })
  io.on('error', () => undefined) // The terminal was closed, and cannot be put back as it was; the lines end with it.
  const input = queueLines(io)
  if (!interactive) {
    return {
      interactive,
      isSaying: () => false,
      lines: input,
      show: (value, words) => output.print(value, words),
      tell: (words) => output.tell(words),
      prompt: () => undefined,
      close: () => io.close(),
    }
  }
  io.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  // A terminal that can only go forward (in an editor, on a serial line) shows sequences instead of obeying them.
  const isDumb = process.env['TERM'] === 'dumb'
  let prompting = false
  io.on('line', () => (prompting = false))
  const clear = (): void => {
    if (!isDumb) clearTyped(io, process.stdout)
    else if (prompting) process.stdout.write('\n')
    prompting = false
  }
  let closed = false
  const again = (): void => {
    if (closed) return
    if (isDumb) clear()
    io.prompt(true)
    prompting = true
  }
  let prompted = ''
  return {
    interactive,
    isSaying: () => io.line !== '' && !io.line.startsWith('/'),
    lines: input,
    show: async (value, words) => {
      clear()
      await output.print(value, words)
      again()
    },
    tell: (words) => {
      clear()
      process.stdout.write(`${output.paint('dim', words)}\n`)
      again()
    },
    prompt: (name) => {
      const next = `${name ?? ''}> `
      if (next === prompted) return
      prompted = next
      io.setPrompt(next)
      again()
    },
    close: () => {
      closed = true
      clear()
      io.close()
    },
  }
}

/** Readline's own iterator loses the lines that arrive before somebody asks for them. */
function queueLines(io: Interface): () => AsyncGenerator<string> {
  const queue: string[] = []
  let ended = false
  let ring: () => void = () => undefined
  io.on('line', (line) => {
    queue.push(line)
    if (queue.length > aheadMax) io.pause()
    ring()
  })
  io.on('close', () => {
    ended = true
    ring()
  })
  return async function* lines() {
    for (;;) {
      const bell = new Promise<void>((resolve) => (ring = resolve))
      const next = queue.shift()
      if (next !== undefined) yield next
      else if (ended) return
      else {
        io.resume()
        await bell
      }
    }
  }
}
