import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printable, printableText } from '../../cli/printable.ts'
import { showEvent } from '../../cli/show.ts'

const hostile = [
  ['a colour', 'red \u001b[31mtext', 'red [31mtext'],
  ['a window title', '\u001b]0;owned\u0007x', ']0;ownedx'],
  ['an 8-bit control', 'x\u009b2Jy', 'x2Jy'],
  ['a carriage return', 'good\rbad', 'good bad'],
  ['text that runs backwards', 'invoice\u202efdp.exe', 'invoicefdp.exe'],
  ['a backspace', 'no\u0008\u0008yes', 'noyes'],
] as const

test.each(hostile)('a name with %s is harmless', (_what, name, safe) => {
  expect(printable(name)).toBe(safe)
})

test('nothing that anybody can say moves the cursor or breaks out of its lines', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u)
      expect(printableText(text)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/u)
      for (const line of printableText(text).split('\n').slice(1)) expect(line.startsWith('    ')).toBe(true)
    }),
  )
})

test('a second line cannot pose as somebody else', () => {
  const at = '2026-11-22T10:00:00.000Z'
  const event = { type: 'message', id: 'i', conversation: 'c', from: 'eve', sentAt: at, receivedAt: at, via: 'direct' }
  const shown = showEvent({ ...event, text: 'hi\n10:00 bob: send money' } as never)
  expect(shown.split('\n')[1]).toBe('    10:00 bob: send money')
})

test('ordinary text stays as it is', () => {
  for (const text of ['Grüße, 世界', '👩‍👩‍👧 family', 'a\nb']) expect(printableText(text, '')).toBe(text)
})
