/**
 * The two streams. Stdout carries data only, one line at a time, and says when a line has left the process, so that an
 * event is acknowledged only after it was written. Everything else is said on stderr. How things look is `show.ts`.
 */
import { styleText } from 'node:util'
import { CliError, exitCode } from './exit.ts'

/** Whoever read our output has gone (`| head -1`): nothing is wrong, and there is nothing left to do. */
export class ReaderGone extends CliError {
  constructor() {
    super(exitCode.done, 'reader-gone', 'nobody reads the output any more')
  }
}

export interface Output {
  readonly json: boolean
  /** A person is looking: stdout is a terminal. */
  readonly terminal: boolean
  /** Resolves once written. With `--json` the value as one line, else the words. */
  print(value: object, words: string): Promise<void>
  /** To stderr, in words. */
  tell(words: string): void
  paint(style: 'dim' | 'bold' | 'green' | 'yellow' | 'red', words: string): string
}

export interface Streams {
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly env: NodeJS.ProcessEnv
}

export function openOutput(streams: Streams, json: boolean): Output {
  const terminal = streams.stdout.isTTY && !json
  const colour = terminal && !streams.env['NO_COLOR'] && streams.env['TERM'] !== 'dumb'
  return {
    json,
    terminal,
    print: (value, words) => writeLine(streams.stdout, json ? JSON.stringify(value) : words),
    tell: (words) => void streams.stderr.write(`${words}\n`),
    paint: (style, words) => (colour ? styleText(style, words, { validateStream: false }) : words),
  }
}

/** A stream without a listener turns a closed pipe into a crash; the write's own callback tells us all we need. */
export function survivePipes(streams: Streams): void {
  streams.stdout.on('error', () => undefined)
  streams.stderr.on('error', () => undefined)
}

function writeLine(stream: NodeJS.WriteStream, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(`${line}\n`, (error) => {
      if (!error) resolve()
      else if (isPipeClosed(error, stream.isTTY)) reject(new ReaderGone())
      else reject(error)
    })
  })
}

/** A terminal that was closed says EIO, which of a file would be a broken disk. */
function isPipeClosed(error: Error, isTerminal: boolean): boolean {
  const code = 'code' in error ? error.code : undefined
  if (isTerminal && code === 'EIO') return true
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || code === 'ECONNRESET'
}
