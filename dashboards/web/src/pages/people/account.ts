import type { Role } from '../../../../../domain/role.ts'

/** An account, as the API tells it to administrators. */
export type Account = {
  id: string
  login: string
  name: string
  role: Role
  services: string[] | null
  passwordSetAt: string | null
  linkExpiresAt: string | null
  disabledAt: string | null
  lastSignInAt: string | null
}

/** A one-time link, told once. */
export type Link = { link: string; linkExpiresAt: string }
