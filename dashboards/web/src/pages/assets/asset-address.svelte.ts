import { get } from '../../api.ts'
import { toHref } from '../../route.svelte.ts'

let origin = $state(location.origin)
let isAsked = false

/** Where people find an asset's page: under the address that the authority set for it, else the one that is open. */
export function addressOf(assetId: string): string {
  if (!isAsked) {
    isAsked = true
    void get<{ publicUrl: string | null }>('/settings')
      .then(({ publicUrl }) => {
        if (publicUrl !== null) origin = publicUrl.replace(/\/+$/, '')
      })
      .catch(() => {
        isAsked = false
      })
  }
  return `${origin}/${toHref('assets', assetId)}`
}
