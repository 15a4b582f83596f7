import { expect, test } from 'vitest'
import { addIntegration } from '../../inventory/integrations.ts'
import { openTestApi } from '../support/api.ts'

test('without a broker a pushed message is refused, to be sent again', async () => {
  const api = await openTestApi()
  try {
    const { secret } = await addIntegration(api.access, { name: 'lora', format: 'kerlink', topics: ['lora/#'] })
    const answer = await api.call(null, 'POST', '/uplinks/lora/dataUp', {}, { authorization: `Bearer ${secret}` })
    expect([answer.status, answer.body.code]).toEqual([503, 'not_ready'])
  } finally {
    await api.close()
  }
})
