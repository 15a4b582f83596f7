const fr = { intro: 'L’occupation des places et du mobilier, maintenant et au fil de la journée.' }

export const texts = {
  fr,
  en: { intro: 'Occupancy of bays and street furniture, now and over the day.' } satisfies typeof fr,
}
