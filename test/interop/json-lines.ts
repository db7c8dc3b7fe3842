/** The stdio side of a session peer: one JSON request a line, one JSON answer a line, in order. */
import { createInterface } from 'node:readline'

export type Request = Readonly<Record<string, unknown>>
export type Answer = Readonly<Record<string, unknown>>

/** Thrown by an operation to answer `{"ok":false,"reason"}`. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

export async function serve(
  operations: Readonly<Record<string, (request: Request) => Answer | Promise<Answer>>>,
): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue
    process.stdout.write(`${JSON.stringify(await answer(operations, line))}\n`)
  }
}

async function answer(
  operations: Readonly<Record<string, (request: Request) => Answer | Promise<Answer>>>,
  line: string,
): Promise<Answer> {
  try {
    const request = JSON.parse(line) as Request
    const operation = operations[String(request['op'])]
    if (operation === undefined) return { ok: false, reason: 'unknown-op' }
    return { ok: true, ...(await operation(request)) }
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, reason: error.message }
    if (error instanceof SyntaxError) return { ok: false, reason: 'malformed-request' }
    return { ok: false, reason: `error: ${error instanceof Error ? error.message : String(error)}` }
  }
}

export function text(request: Request, field: string): string {
  const value = request[field]
  if (typeof value !== 'string') throw new Refusal(`missing-${field}`)
  return value
}

export function number(request: Request, field: string): number {
  const value = request[field]
  if (typeof value !== 'number') throw new Refusal(`missing-${field}`)
  return value
}

/** A base64 field. */
export function bytes(request: Request, field: string): Uint8Array {
  return new Uint8Array(Buffer.from(text(request, field), 'base64'))
}

export function base64(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64')
}
