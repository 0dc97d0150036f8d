"""The communes of Alès Agglomération (SIREN 200066918), by INSEE code: the 71 of the 2025 vintage (INSEE, Banatic)."""

COMMUNES = {
    "30007": "Alès", "30010": "Anduze", "30022": "Aujac", "30027": "Bagard", "30042": "Boisset-et-Gaujac",
    "30044": "Bonnevaux", "30046": "Boucoiran-et-Nozières", "30051": "Branoux-les-Taillades", "30053": "Brignon",
    "30055": "Brouzet-lès-Alès", "30072": "Castelnau-Valence", "30077": "Cendras", "30079": "Chambon",
    "30080": "Chamborigaud", "30090": "Concoules", "30100": "Cruviers-Lascours", "30101": "Deaux", "30109": "Euzet",
    "30129": "Générargues", "30130": "Génolhac", "30132": "La Grand-Combe", "30137": "Lamelouze",
    "30142": "Laval-Pradel", "30147": "Lézan", "30152": "Les Mages", "30158": "Martignargues", "30159": "Le Martinet",
    "30161": "Massanes", "30162": "Massillargues-Attuech", "30165": "Méjannes-lès-Alès", "30168": "Mialet",
    "30173": "Mons", "30177": "Monteils", "30188": "Ners", "30197": "Les Plans", "30203": "Portes",
    "30214": "Ribaute-les-Tavernes", "30223": "Rousson", "30236": "Saint-Bonnet-de-Salendrinque",
    "30239": "Sainte-Cécile-d'Andorge", "30240": "Saint-Césaire-de-Gauzignan", "30243": "Saint-Christol-lez-Alès",
    "30246": "Sainte-Croix-de-Caderle", "30250": "Saint-Étienne-de-l'Olm", "30253": "Saint-Florent-sur-Auzonnet",
    "30259": "Saint-Hilaire-de-Brethmas", "30261": "Saint-Hippolyte-de-Caton", "30264": "Saint-Jean-de-Ceyrargues",
    "30267": "Saint-Jean-de-Serres", "30268": "Saint-Jean-de-Valériscle", "30269": "Saint-Jean-du-Gard",
    "30270": "Saint-Jean-du-Pin", "30271": "Saint-Julien-de-Cassagnas", "30274": "Saint-Julien-les-Rosiers",
    "30275": "Saint-Just-et-Vacquières", "30284": "Saint-Martin-de-Valgalgues", "30285": "Saint-Maurice-de-Cazevieille",
    "30291": "Saint-Paul-la-Coste", "30294": "Saint-Privat-des-Vieux", "30298": "Saint-Sébastien-d'Aigrefeuille",
    "30305": "Salindres", "30307": "Les Salles-du-Gardon", "30316": "Sénéchas", "30318": "Servas", "30320": "Seynes",
    "30323": "Soustelle", "30329": "Thoiras-Corbès", "30330": "Tornac", "30335": "Vabres", "30345": "La Vernarède",
    "30348": "Vézénobres",
}  # fmt: skip

# The larger ones, where the firms of the demonstration sit.
SEATS = [
    "30007", "30243", "30294", "30132", "30284", "30259", "30223", "30305", "30274", "30010", "30269", "30042", "30027",
    "30307", "30152", "30214", "30348", "30173", "30077", "30147",
]  # fmt: skip
