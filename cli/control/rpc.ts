/**
 * JSON-RPC 2.0, one object a line: reads a request, forms an answer. Which methods there are is `methods.ts`; who carries
 * the lines, `server.ts` and `client.ts`. An error's code is the exit code the command would have ended with, or one of
 * the specification's own for a request that is not one.
 */
import { CliError, endOf, exitCode, type ExitCode } from '../exit.ts'

export type Params = Readonly<Record<string, unknown>>
export type RequestId = string | number | null

export interface Request {
  /** Absent on a notification, which is not answered. */
  readonly id?: RequestId
  readonly method: string
  readonly params: Params
}

export interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: { readonly reason: string }
}

export const rpcCode = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  /** The process is ending and did not begin on this request: ask again, someone else or nobody will own the profile. */
  closing: -32000,
} as const

export class RpcFault extends Error {
  override readonly name = 'RpcFault'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** The request in a line, or the fault to answer it with and to whom. */
export function readRequest(line: string): Request | { readonly fault: RpcError; readonly id: RequestId } {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { id: null, fault: { code: rpcCode.parseError, message: 'not JSON' } }
  }
  const invalid = (message: string, id: RequestId = null): { fault: RpcError; id: RequestId } => {
    return { id, fault: { code: rpcCode.invalidRequest, message } }
  }
  if (!isObject(value)) return invalid('a request is one object; batches are not taken')
  const { id, method, params, jsonrpc } = value
  if (id !== undefined && !isId(id)) return invalid('“id” is a text or a number')
  if (jsonrpc !== '2.0') return invalid('“jsonrpc” must be "2.0"', id)
  if (typeof method !== 'string') return invalid('“method” is missing', id)
  if (params !== undefined && !isObject(params)) {
    return { id: id ?? null, fault: { code: rpcCode.invalidParams, message: '“params” is an object of named fields' } }
  }
  return { ...(id === undefined ? {} : { id }), method, params: params ?? {} }
}

export function requestLine(id: number, method: string, params: object): string {
  return `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`
}

export function resultLine(id: RequestId, result: unknown): string {
  return `${JSON.stringify({ jsonrpc: '2.0', id, result: result ?? null })}\n`
}

export function errorLine(id: RequestId, error: RpcError): string {
  return `${JSON.stringify({ jsonrpc: '2.0', id, error })}\n`
}

export function notificationLine(method: string, params: object): string {
  return `${JSON.stringify({ jsonrpc: '2.0', method, params })}\n`
}

/** Whatever a method threw, as an answer. */
export function rpcErrorOf(error: unknown): RpcError {
  if (error instanceof RpcFault) return { code: error.code, message: error.message }
  const end = endOf(error)
  return { code: end.code, message: end.message, data: { reason: end.reason } }
}

/** The same, back from an answer. */
export function endOfRpcError(error: unknown): CliError {
  const { code, message, data } = isObject(error) ? error : {}
  const known = Object.values(exitCode).find((one) => one === code)
  const reason = isObject(data) && typeof data['reason'] === 'string' ? data['reason'] : 'unexpected'
  return new CliError(
    known ?? ownFault(code),
    reason,
    typeof message === 'string' ? message : 'the answer makes no sense',
  )
}

/** A running process of another version may not know a method of ours, or may want other fields. */
function ownFault(code: unknown): ExitCode {
  return code === rpcCode.invalidParams ? exitCode.usage : exitCode.unexpected
}

export function isObject(value: unknown): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isId(value: unknown): value is RequestId {
  return value === null || typeof value === 'string' || typeof value === 'number'
}
