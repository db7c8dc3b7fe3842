/** What people may be called, whoever says so. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cleanName, isName, numberedName } from '../../node/core/names.ts'
import { nameCharactersMax } from '../../protocol/limits.ts'

test('what cannot be seen is left out, so that what is shown can be typed', () => {
  expect(cleanName('bi\u202edi')).toBe('bidi')
  expect(cleanName(' two\u2028 \t words\u001b[31m ')).toBe('two words[31m')
  expect(['', 'me', 'bi\u202edi', ' x', 'two\nlines'].filter(isName)).toEqual([])
})

test('a long name is cut between characters, and is still one', () => {
  const name = `a${'🦜'.repeat(70)}`
  expect(cleanName(name)).toBe(`a${'🦜'.repeat(nameCharactersMax - 1)}`)
  expect(cleanName(`${'x'.repeat(nameCharactersMax - 1)} y`)).toBe('x'.repeat(nameCharactersMax - 1))
  expect(numberedName(cleanName(name), 1)).toBe(cleanName(name))
  expect(numberedName(cleanName(name), 12)).toBe(`a${'🦜'.repeat(nameCharactersMax - 6)}-12`)
})

test('whatever somebody calls themselves, what is left is a name, nothing, or “me”', () => {
  const text = fc.string({ unit: 'binary', maxLength: 100 })
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 999 }), (wanted, n) => {
      const name = cleanName(wanted)
      if (name !== '' && name !== 'me') expect([name, numberedName(name, n)].filter(isName)).toHaveLength(2)
    }),
  )
})
