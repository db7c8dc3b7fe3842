/** The version of this program, from the package it came in: one folder up in a checkout, two from the built files. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const version: string = readVersion()

function readVersion(): string {
  for (const up of ['..', '../..']) {
    try {
      const found: unknown = JSON.parse(readFileSync(join(import.meta.dirname, up, 'package.json'), 'utf8'))
      if (isPackage(found)) return found.version
    } catch {
      continue // Not there: the other place, or an installation that lost its package.json and still must run.
    }
  }
  return 'unknown'
}

function isPackage(value: unknown): value is { version: string } {
  return typeof value === 'object' && value !== null && 'version' in value && typeof value.version === 'string'
}
