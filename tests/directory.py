"""A stand-in for the public directory on a real socket: the shape of its answers, its errors, its slowness.

The shape is that of the *API Recherche d'entreprises* (GET /search), fields we do not read among them; the firms are
synthetic.
"""

import http.server
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from app.core.values import siret_from

Handler = http.server.BaseHTTPRequestHandler


def siret_of(siren: str, number: int = 1) -> str:
    """The valid SIRET of the firm's site of this number."""
    return siret_from(siren, number)


def site(siren: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "activite_principale": "25.62B", "activite_principale_naf25": "25.53Y",
        "adresse": "12 RUE DES FORGES 30100 ALES",
        "ancien_siege": False, "caractere_employeur": "O", "code_postal": "30100", "commune": "30007",
        "coordonnees": "44.12,4.07", "date_creation": "2019-03-01", "date_debut_activite": "2019-03-01",
        "date_fermeture": None, "departement": "30", "epci": "200066918", "est_siege": number == 1,
        "etat_administratif": "A", "latitude": "44.12", "libelle_commune": "ALES", "liste_enseignes": None,
        "liste_rge": None, "longitude": "4.07", "nom_commercial": None, "region": "76",
        "siret": siret_of(siren, number),
        "statut_diffusion_etablissement": "O", "tranche_effectif_salarie": "12", **more,
    }  # fmt: skip


def firm(siren: str, **more: Any) -> dict[str, Any]:
    """One result as the directory gives it."""
    return {
        "siren": siren, "nom_complet": "FORGES DU GARDON (FDG)",
        "nom_raison_sociale": "FORGES DU GARDON", "sigle": "FDG",
        "nombre_etablissements": 2, "nombre_etablissements_ouverts": 2, "siege": site(siren),
        "activite_principale": "25.62B", "activite_principale_naf25": "25.53Y", "categorie_entreprise": "PME",
        "caractere_employeur": "O", "annee_categorie_entreprise": "2023", "date_creation": "2004-05-03",
        "date_fermeture": None, "date_mise_a_jour": "2026-11-01T08:00:00",
        "dirigeants": [{"nom": "EXEMPLE", "prenoms": "CAMILLE", "annee_de_naissance": "1970", "qualite": "Gérant",
                        "type_dirigeant": "personne physique"}],
        "etat_administratif": "A", "nature_juridique": "5710", "section_activite_principale": "C",
        "tranche_effectif_salarie": "12", "annee_tranche_effectif_salarie": "2023", "statut_diffusion": "O",
        "matching_etablissements": [site(siren), site(siren, 2, commune="30305", libelle_commune="SALINDRES")],
        "finances": {"2022": {"ca": 4800000, "resultat_net": 120000}},
        "complements": {"est_entrepreneur_individuel": False, "est_association": False, "a_aide_minimis": False,
                        "liste_idcc": ["3248"]},
        **more,
    }  # fmt: skip


def answer(*results: dict[str, Any]) -> dict[str, Any]:
    return {"results": list(results), "total_results": len(results), "page": 1, "per_page": 1, "total_pages": 1}


def send(handler: Handler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


class StandIn:
    """The stand-in: `says[siren]` is a result, a list of results, bytes, or a function that answers by itself."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.says: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def respond(self, handler: Handler) -> None:
        parts = urllib.parse.urlsplit(handler.path)
        siren = urllib.parse.parse_qs(parts.query).get("q", [""])[0]
        self.asked.append((handler.path, dict(handler.headers.items())))
        said: bytes | Callable[[Handler], None] | dict[str, Any] | list[Any] = self.says.get(siren, firm(siren))
        if callable(said):
            said(handler)
        elif isinstance(said, bytes):
            send(handler, 200, said)
        else:
            results = said if isinstance(said, list) else [said]
            send(handler, 200, json.dumps(answer(*results), ensure_ascii=False).encode())


@contextmanager
def running() -> Iterator[StandIn]:
    """The stand-in on a free port, for the length of a block."""

    class Handle(Handler):
        def do_GET(self) -> None:  # noqa: N802  # http.server's name
            stand_in.respond(self)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handle) as server:
        server.daemon_threads = True
        stand_in = StandIn(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()
