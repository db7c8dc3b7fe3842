/**
 * Values as an operator writes them, in the file or in the environment: `"10 GiB"`, `"90 s"`, `{ burst = 20, per-second =
 * 0.5 }`. Each reader answers undefined for what it does not understand; what to say then is the caller's.
 */
import type { Rate } from '../core/limits.ts'

const byteUnits: Readonly<Record<string, number>> = { B: 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 }
const timeUnits: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }

export function readBytes(value: unknown): number | undefined {
  return withUnit(value, byteUnits)
}

/** In milliseconds. */
export function readTime(value: unknown): number | undefined {
  return withUnit(value, timeUnits)
}

export function readCount(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined
}

/** In the environment: `20,0.5`. */
export function readRate(value: unknown): Rate | undefined {
  const [burst, perSecond] =
    typeof value === 'string'
      ? value.split(',').map(Number)
      : typeof value === 'object' && value !== null && 'burst' in value && 'per-second' in value
        ? [value.burst, value['per-second']]
        : []
  if (typeof burst !== 'number' || typeof perSecond !== 'number') return undefined
  return burst >= 1 && perSecond > 0 && Number.isFinite(burst * perSecond) ? { burst, perSecond } : undefined
}

export function readSwitch(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string') return undefined
  if (/^(1|true|yes|on)$/i.test(value)) return true
  return /^(0|false|no|off)$/i.test(value) ? false : undefined
}

/** In the environment, separated by commas or blanks. */
export function readList(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return value.split(/[\s,]+/).filter((word) => word !== '')
  return Array.isArray(value) && value.every((word) => typeof word === 'string') ? value : undefined
}

export function readText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The largest unit that says it in whole numbers. */
export function writeBytes(bytes: number): string {
  return written(bytes, byteUnits)
}

export function writeTime(ms: number): string {
  return written(ms, timeUnits)
}

function withUnit(value: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof value !== 'string') return readCount(value)
  const [, digits, unit] = /^(\d+)\s*([A-Za-z]+)$/.exec(value) ?? []
  if (digits === undefined || unit === undefined) return readCount(value)
  const factor = units[unit]
  return factor === undefined ? undefined : readCount(Number(digits) * factor)
}

function written(value: number, units: Readonly<Record<string, number>>): string {
  const [unit = '', factor = 1] =
    Object.entries(units).findLast(([, size]) => value >= size && value % size === 0) ?? []
  return `${value / factor} ${unit}`
}
