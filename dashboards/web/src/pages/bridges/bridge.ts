/** A bridge, as the API tells it. */
export type Bridge = {
  name: string
  integration: string
  url: string
  topics: string[]
  clientId: string
  userName: string | null
  insecure: boolean
  status: {
    state: 'connecting' | 'connected' | 'waiting' | 'unknown'
    since: string | null
    detail: string | null
    received: number
    journaled: number
    repeated: number
    lost: number
    lastMessageAt: string | null
  }
}
