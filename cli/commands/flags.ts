/** How the values of flags are read: the same limits as over the control socket, said in the words of the shell. */
import { InvalidArgumentError } from 'commander'
import { checkSeconds, isWait, type Wait } from '../control/methods.ts'

export function secondsFlag(value: string): number {
  const seconds = value.trim() === '' ? Number.NaN : Number(value)
  try {
    return checkSeconds(seconds, 'It')
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

export function countFlag(value: string): number {
  const count = /^[1-9][0-9]{0,8}$/u.test(value) ? Number(value) : Number.NaN
  if (Number.isNaN(count)) throw new InvalidArgumentError('It takes a whole number above 0.')
  return count
}

export function waitFlag(value: string): Wait {
  if (isWait(value)) return value
  throw new InvalidArgumentError('It takes stored, delivered or read.')
}
