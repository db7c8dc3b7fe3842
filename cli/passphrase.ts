/**
 * Where a passphrase comes from: a file, the environment, or a prompt; never an argument, which every user of the machine
 * could read in the process list. What it protects is the node's business.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { usageError } from './exit.ts'
import type { Settings } from './settings.ts'

/** What was set beforehand, without asking anyone. The variable is removed, so that no child inherits it. */
export function passphraseSet(settings: Settings, env: NodeJS.ProcessEnv): string | undefined {
  const file = settings.get('passphrase-file')
  const inherited = env['LINNET_PASSPHRASE']
  delete env['LINNET_PASSPHRASE']
  if (file === undefined) return inherited === '' ? undefined : inherited
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw usageError(
      `cannot read the passphrase file ${file} (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`,
    )
  }
  const passphrase = text.replace(/\r?\n$/u, '')
  if (passphrase === '') throw usageError(`the passphrase file ${file} is empty`)
  return passphrase
}

export async function askPassphrase(signal: AbortSignal): Promise<string> {
  const passphrase = await askUnseen('Passphrase: ', signal)
  if (passphrase === '') throw usageError('no passphrase was given')
  return passphrase
}

export async function askNewPassphrase(signal: AbortSignal): Promise<string> {
  const passphrase = await askPassphrase(signal)
  if ((await askUnseen('The same again: ', signal)) !== passphrase) throw usageError('the two passphrases differ')
  return passphrase
}

export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/** The prompt goes to stderr, like everything that is not data, and what is typed goes nowhere. */
async function askUnseen(question: string, signal: AbortSignal): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  lines.on('error', () => undefined) // The terminal was closed; the question is given up with it.
  process.stderr.write(question)
  try {
    return await lines.question('', { signal })
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}
