/** Who may have a mailbox at a relay, and that everyone may write to those who have. */
import { expect, test } from 'vitest'
import { Admission } from '../../relay/core/admission.ts'
import { createPerson, envelope, publicationOf } from './people.ts'
import { Scene } from './scene.ts'

const token = new TextEncoder().encode('correct horse battery staple')

function publish(scene: Scene, person = createPerson(), said?: Uint8Array): string {
  const publication = publicationOf(person, scene.nowMs)
  const frame = said === undefined ? publication : { ...publication, token: said }
  const [answer] = scene.ask(scene.open(person.device), frame)
  return answer?.kind === 'refused' ? answer.reason : (answer?.kind ?? 'nothing')
}

test('a private relay opens a mailbox for whoever says its token, and for nobody else', () => {
  const scene = new Scene({}, new Admission({ token }))
  expect(publish(scene)).toBe('token-needed')
  expect(publish(scene, createPerson(), token.subarray(1))).toBe('token-wrong')
  expect(publish(scene, createPerson(), Uint8Array.of(...token, 0))).toBe('token-wrong')
  expect(publish(scene, createPerson(), token)).toBe('published')
})

test('a stranger without a token writes to a resident of a private relay', () => {
  const scene = new Scene({}, new Admission({ token }))
  const bob = createPerson()
  publish(scene, bob, token)
  const stranger = scene.open()
  scene.mail(stranger, { kind: 'deposit', mailbox: bob.device, envelope: envelope(scene.nowMs) })
  expect(scene.mailed(stranger).map(({ kind }) => kind)).toEqual(['stored'])
})

test('with a list, those on it and their devices get a mailbox; a deny list wins over it', () => {
  const [listed, byAccount, unlisted, denied] = [createPerson(), createPerson(), createPerson(), createPerson()]
  const allow = new Set<string>([listed.device, byAccount.account, denied.device])
  const scene = new Scene({}, new Admission({ allow, deny: new Set<string>([denied.account]) }))
  expect(publish(scene, listed)).toBe('published')
  expect(publish(scene, byAccount)).toBe('published')
  expect(publish(scene, unlisted)).toBe('not-admitted')
  expect(publish(scene, denied)).toBe('not-admitted')
})

test('every bound that was reached is counted under its own name', () => {
  const scene = new Scene({ mailboxesMax: 1, mailboxMessagesMax: 1, deposits: { burst: 2, perSecond: 1 } })
  const bob = createPerson()
  publish(scene, bob)
  expect(publish(scene)).toBe('full')
  const sender = scene.open()
  for (let i = 0; i < 3; i++) {
    scene.mail(sender, { kind: 'deposit', mailbox: bob.device, envelope: envelope(scene.nowMs) })
  }
  expect(scene.core.reached).toEqual(
    new Map([
      ['mailboxesMax', 1],
      ['mailboxMessagesMax', 1],
      ['deposits', 1],
    ]),
  )
})

test('bounds that refuse nobody are counted too', () => {
  const scene = new Scene({
    mailboxMessagesMax: 2,
    tombstonesMax: 1,
    sweepRowsMax: 2,
    mailboxBytesMax: 150,
    sweepEveryMs: 1_000,
  })
  const bob = createPerson()
  publish(scene, bob)
  const sender = scene.open()
  const deposit = (urgency: number, size: number): void => {
    const message = envelope(scene.nowMs, { urgency, sealed: new Uint8Array(size), expiresMs: scene.nowMs + 500 })
    scene.mail(sender, { kind: 'deposit', mailbox: bob.device, envelope: message })
  }
  for (const urgency of [5, 5, 4, 3]) deposit(urgency, 70) // The last two push out the first two.
  deposit(3, 100)
  scene.tick(1_000)
  expect(Object.fromEntries(scene.core.reached)).toEqual({ tombstonesMax: 3, mailboxBytesMax: 1, sweepRowsMax: 1 })
})
