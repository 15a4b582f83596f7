const fr = {
  intro:
    'Le CO₂ des salles : part du temps au-dessus des seuils de 800 et 1\u00a0500\u00a0ppm (arrêté du 27 décembre 2022), du lundi au vendredi de 8\u00a0h à 18\u00a0h, sur 7 jours.',
}

export const texts = {
  fr,
  en: {
    intro:
      'CO₂ of rooms: share of time above the thresholds of 800 and 1,500\u00a0ppm (French decree of 27 December 2022), Monday to Friday from 8:00 to 18:00, over 7 days.',
  } satisfies typeof fr,
}
