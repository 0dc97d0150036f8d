"""The French words of the columns of all tables: what a workbook is headed with, and what an import reads again."""

from app.core.reading.headings import FRENCH

_WORDS = """
abstained Abstentions | accelerated Exigible par anticipation | accepted Accepté | account Compte
account_label Libellé du compte | acknowledged Accusé de réception | acknowledgement_reference Référence de l'accusé
acronym Sigle | act Acte | action Action | actions Actions | activities Activités | activity Activité
actor Auteur | address Adresse | admissibility_ends Fin d'admissibilité | admitted Admis | adopted Adopté
advance Avance | advance_eur Avance (€) | advisory_problems Remarques | after Après | after_months Après (mois)
after_write_off Après passage en perte | against Contre | agreed Convenu | aid Aide | alert_thresholds Seuils d'alerte
allocation_rule Règle d'imputation | amount Montant | amount_excl_vat_eur Montant HT (€)
amount_before_excl_vat_eur Montant HT avant (€) | amount_after_excl_vat_eur Montant HT après (€) | announced Annoncé
annual_rate Taux annuel | application Dossier | approved Approuvé | as_of Situation au | attempts Tentatives
attendance Présence | audition Audition | auditions Auditions | author Rédacteur | available_until Disponible jusqu'au
available_until_on Disponible jusqu'au | awaited Attendu | award Attribution | award_title Intitulé de l'attribution
awarded Attribué | awards_ended_as Fin des attributions | axes Axes | axis Axe | axis_title Intitulé de l'axe
balance_sheet Total du bilan | bank_details Coordonnées bancaires | bank_details_iban IBAN des coordonnées bancaires
bank_reference Référence bancaire | base Assiette | before Avant | blocking_problems Fautes bloquantes | body Texte
bounced Rejeté | bounced_on Revenu impayé le | bucket Tranche d'ancienneté | budget Budget | by_member Par membre
by_silence Par le silence | by_territory Par territoire | cancelled Annulé | cancelled_by_number Annulé par le numéro
cancels Annule | cancels_number Annule le numéro | cap Plafond
capitalised Intérêts capitalisés | category Catégorie
cause Cause | ceased Cessée | ceased_on Cessée le | cells Cases | certificate Certificat
certificate_number Numéro du certificat | certification_refused Certification refusée
certification_refused_reason Motif du refus de certification | certified Certifié | chair Présidence
changes Changements | checklist Liste de contrôle | choice Choix | claim Demande | claim_by Demander avant
claim_external_id Identifiant externe de la demande | claim_number Numéro de la demande
claim_status Statut de la demande | claimed_back Réclamé en retour | closed Fermé | code Code
cofunding Cofinancement | collected Prélevé | collected_debits Prélèvements reçus | collection Prélèvement
collection_on Prélèvement le | column Colonne | columns Colonnes | commitment Engagement
commitment_due Échéance de l'engagement | committee Comité | committee_held Comité tenu
committee_on Comité le | commune_code Code de la commune | commune_name Nom de la commune | communes Communes
completed Achevé | completion_statement Décompte final | conditions Conditions | consultant Consultant
consultant_names Consultants | consultant_signed Signé par le consultant
consultant_signed_name Nom du consultant signataire | contact_ids Contacts (ids) | content Contenu
continued_until Poursuite jusqu'au | contribution Contribution | contribution_reference Référence de la contribution
contributor Contributeur | corrected Corrigé | corrected_by_amount_excl_vat_eur Corrigé par le montant HT (€)
corrected_by_counted Corrigé par, compté | corrected_by Corrigé | corrected_by_reference Corrigé par la référence
correction_reason Motif de la correction | corrects Corrige | corrects_reference Corrige la référence
corrects_worked Corrige le jour travaillé | cost Coût | costs Coûts | counted Compté
count Nombre
counter_certificate Certificat d'annulation | counter_certificate_number Numéro du certificat d'annulation
counts Compte | court Tribunal | created Créé | credit Crédit | credit_balance Solde créditeur
creditor_identifier Identifiant créancier | crossed Franchi | cut_off Arrêté | day_count Base de calcul des jours
day_rate Prix de journée | days Jours | days_after Jours après | days_allotted Jours alloués
days_before Jours avant | days_certified Jours certifiés | days_entered Jours saisis | days_left Jours restants
days_ordered Jours commandés | days_past_due Jours de retard | days_planned Jours prévus
days_rejected Jours refusés | days_submitted Jours soumis | debit Débit | debit_balance Solde débiteur
debits Prélèvements | decided Décidé | decision Décision | decision_ends Fin du délai de décision
decision_reference Référence de la décision | declared Déclaré
declared_by_organisation Organisme déclarant | declared_by_organisation_name Nom de l'organisme déclarant
deducted Déduit | delay Délai
delay_ends Fin du délai | delimiter Séparateur | deliverable Livrable | deliverable_title Intitulé du livrable
delivered Remis | description Description | detail Détail (anglais) | detail_fr Détail
detected_in_audition Détecté à l'audition | detected_in_audition_on Détecté à l'audition du
detected Détecté | diffusion Diffusion | disbursed Versé | document Document | document_version Version du document
done Fait | double Compté deux fois | drawn_up Établi | dropped Abandonné | dry_run Essai
due_dates Dates d'échéance | due Dû | due_on Échéance | due_to Dû jusqu'au | due_to_on Dû jusqu'au
earlier_refusals Refus antérieurs | early_repayment Remboursement anticipé | effective Effet | effective_on Effet le
eligible Éligible | elsewhere Ailleurs | email Adresse électronique | encoding Encodage
end_reason Motif de la fin | ended Terminé | ending_reason Motif de la fin anticipée | ends Fin | entered Saisi
entry Saisie | entry_activity Activité de la saisie | entry_worked Jour de la saisie
environmental_effect Effet environnemental | epci_sirens SIREN des EPCI | erased Effacé
erased_because Motif de l'effacement | eu_size Taille européenne | eu_size_evidence Preuve de la taille
eu_size_source Source de la taille | evidence Preuve | exceeds Dépasse | execution Exécution | expires Expire
extended_until Prolongé jusqu'au | external_id Identifiant externe | fee Frais | fees Frais
field Champ | filename Nom du fichier | final_cost Coût final | final Montant final | finding Constat
findings Constats | finished Fini | firm Entreprise | firm_name Nom de l'entreprise | firms Entreprises
first_due Première échéance | first Premier jour | first_on Premier jour | first_presented Première présentation
fixed_cells Cases fixes | follow_up Suite | follow_up_done Suite faite | follow_up_due Suite due
follow_up_owner Suite à la charge de | follow_up_status État de la suite | for Pour | format Format
former_firm_name Ancienne entreprise | former_siren Ancien SIREN | found Trouvé | founded Créée
framework Marché | framework_reference Référence du marché | frequency Périodicité
from_firm_name De l'entreprise | from Du | from_on Du | from_siren Du SIREN | from_state De l'état | frozen Figé
function Fonction | funder Financeur | funding_route Voie de financement | gaps Écarts
given_until Délai donné jusqu'au | grace_counts_in_term Différé compris dans la durée | grace_kind Nature du différé
grace_periods Périodes de différé | grant Subvention | grant_eur Subvention (€) | granted Accordé | ground Fondement
guaranteed_until Garanti jusqu'au | guarantor Garant | handed_over Remis à la banque | header En-tête
headcount Effectif | headcount_bracket Tranche d'effectif | headcount_year Année de l'effectif | held Tenu
history Historique | holder Titulaire | holders Porteurs | holiday_calendar Calendrier des jours fériés
holidays_allowed Jours fériés travaillés | iban IBAN | in_flight En cours de versement
in_proceedings En procédure collective | in_progress En cours | in_recovery En recouvrement
indicator Indicateur | indispensable Indispensable | insee_category Catégorie INSEE
insee_category_year Année de la catégorie INSEE | insee_code Code INSEE | instalments Échéances
interest Intérêts | invoice_amount_excl_vat_eur Montant HT de la facture (€) | invoice_number Numéro de facture
invoiced Facturé | is_seat Siège | issued Délivré | item Élément | items Éléments | jobs_created Emplois créés
jobs Emplois | jobs_maintained Emplois maintenus | jobs_observed Emplois constatés | judged Jugé | kind Nature
kinds Natures | kyc Connaissance du client | label Libellé | last_used Dernier usage
last_worked Dernier jour travaillé | last_year Dernière année | late En retard | late_on En retard le
late_entry_grace Tolérance de saisie tardive | late_interest Intérêts de retard
late_rate Taux de retard | late_rate_bp Taux de retard (points de base) | laureate Lauréat | lead Chef de file
lead_signed Signé par le chef de file | lead_signed_name Nom du signataire du chef de file
lead_siren SIREN du chef de file | left Reste | legal_basis Base légale | legal_form_code Catégorie juridique
level Niveau | leverage Effet de levier | line Ligne | line_label Libellé de la ligne | lines Lignes
location Lieu | locked Verrouillé | longer_than_24_months Plus de 24 mois | lowered Abaissé
lowers_invoice_number Facture d'origine | made Fait | mandate Mandat | mandate_reference Référence du mandat
maturity Maturité | max_amount Montant maximal | max_days Jours maximum | members Membres
members_attending Membres présents ou représentés | members_present Membres présents | members_total Nombre de membres
met Rempli | method Méthode | minimum_repayment Remboursement minimal | minutes Compte rendu
minutes_adopted Compte rendu adopté | mission Mission | mission_name Nom de la mission | month Mois | months Mois
multiple Multiple | naf_code Code NAF | naf_version Nomenclature | name Nom | need_categories Catégories de besoins
needs Besoins | new_terms Nouvelles conditions | no_proof Sans preuve | not_eligible Non éligible | not_paid Non payé
note Note | notice Mise en demeure | notice_delay Délai de préavis | notice_delay_days Délai de préavis (jours)
notice_sent Mise en demeure envoyée | noticed Publié au BODACC | notified Notifié | number Numéro
objective Objectif | observed Constaté | occurred Survenu | of_closing De clôture | on Jour
on_day Jour compté | on_error En cas de faute | on_hold En attente | opened Ouvert | opinion Avis
order_number Numéro de commande | ordered Commandé | organisation Organisme | organisation_name Nom de l'organisme
other_public Autres fonds publics | out_of_period Hors période | outcome Issue | outcome_reason Motif de l'issue
outstanding Encours | over_line Au-delà de la ligne | overdue En souffrance | overpaid Trop versé
overplanned Surcharge | override_code Code de la dérogation | override Dérogation
owner_organisation Organisme responsable | paid Payé | paid_payments Paiements effectués | parameters Paramètres
parked Mis de côté | payer_name Nom du payeur | payer_siren SIREN du payeur | payment Paiement
payment_reference Référence du paiement | payment_terms Conditions de paiement | payments Paiements
periods Périodes | person Personne | person_name Nom de la personne | phone Téléphone | place Lieu de la réunion
plan Plan | planned Prévu | planned_disbursement Versement prévu | planned_end Fin prévue
planned_start Début prévu | position Rang | prefix Préfixe | preliminary Provisoire
previous Précédent
previous_stage Étape précédente | previous_state État précédent | principal Principal | private Fonds privés
problem Problème | proceeding Procédure | proceeding_closed Procédure close | proceeding_kind Nature de la procédure
proceeding_noticed Procédure publiée | proceeding_opened Procédure ouverte | profile Profil | progress Avancement
project Projet | project_title Intitulé du projet | projects Projets | proof Preuve
proof_reference Référence de la preuve | proposal Proposition | proposed Proposé | public_aid Aides publiques
purpose Objet | quorum Quorum | quorum_reached Quorum atteint | quote_reference Référence du devis | raised Levé
rate Taux | rating Note attribuée | ratio Ratio | reason Motif | reason_code Code du motif | reasons Motifs
receipt Encaissement | receipt_reference Référence de l'encaissement | received Reçu
recommended_advance Avance recommandée | recommended_grant Subvention recommandée | record Procès-verbal
recorded Enregistré | recovered Recouvré | recovery Reversement | recovery_terms Conditions du reversement
reduced Réduit | reference Référence | refiles Redépose | refunded Remboursé en retour
region_code Code de la région | rejected Refusé
rejected_payments Paiements rejetés | rejection_reason Motif du refus | released Libéré | remainder Reliquat
remaining Reste à courir | remarks Remarques faites | reopen_reason Motif de la réouverture | reopened Rouvert
reopening_reason Raison de la réouverture | repaid Remboursé | repayment Remboursement
repayment_policy Règle de remboursement | repayment_reference Référence du remboursement | replaced Remplacé
replaced_rate Taux remplacé | replaced_until Remplacé jusqu'au | replied Répondu | reply_until Réponse avant
reported Rapporté | reports Rapports | requested_advance Avance demandée | requested Demandé
requested_grant Subvention demandée | rest_certificate Certificat du reste
rest_certificate_number Numéro du certificat du reste | retain_until À conserver jusqu'au | returned Retourné
returned_debits Prélèvements rejetés | returns Revient de | reversal_counted Annulation comptée
reversal_reason Motif de l'annulation | reversed Contre-passé | reverses Contre-passe
reverses_number Contre-passe le numéro | revoked Révoqué | roadmap Feuille de route
roadmap_title Intitulé de la feuille de route | roadmap_version Version de la feuille de route
roadmap_version_number Numéro de version de la feuille de route | role Rôle | rotated_from Succède à
rounding Arrondi | rows_checked Lignes contrôlées | rows_created Lignes créées | rows_read Lignes lues
rows_skipped Lignes écartées | rows_unchanged Lignes inchangées | rows_updated Lignes mises à jour
rows_written Lignes écrites | rule Règle | run Lot | run_collection Prélèvement du lot | run_cut_off Arrêté du lot
runs_from Court du | sample_method Méthode d'échantillonnage | sample_seed Graine de l'échantillon
sample_size Taille de l'échantillon | sampled Échantillonné | scheme Dispositif | scheme_name Nom du dispositif
scope Portée | sealed Scellé | seat_siret SIRET du siège | secured Acquis | seen Vu | sent Envoyé
served_since Servi depuis | set_off Compensé | set_off_order_number Titre de la compensation
set_off_recovery Reversement compensé | settled_as Soldé comme | settled Soldé | severity Gravité
sha256 SHA-256 | shape Profil de remboursement | share Part | shortfall Manque
signatory_capacity Qualité du signataire | signatory_name Nom du signataire | signed_by_firm Signé par l'entreprise
signed_by_funder Signé par le financeur | signed Signé | silence Silence | siren SIREN | sirens SIREN (plusieurs)
siret SIRET | size_bytes Taille (octets) | slug Nom d'adresse | social_certificate Attestation sociale
social_certificate_valid_until Attestation sociale valable jusqu'au | sole_trader Entrepreneur individuel
source Source | source_reference Référence de la source | sources Ressources | sources_searched Sources consultées
stage Étape | stage_since Étape depuis | stale Périmé | stale_entry Saisie qui périme
stale_entry_worked Jour de la saisie qui périme | start_by Commencer avant | start Début | started Commencé
starts Commence | state État | state_since État depuis | stated Déclaré le reste | statement_by Décompte avant
status Statut | status_reason Motif du statut | step Marche | steps Paliers | subject Sujet
subject_kind Nature du sujet | submitted Soumis | success_fee Intéressement | success_fee_eur Intéressement (€)
superseded Remplacé par un autre | supplier_name Nom du fournisseur | supplier_siren SIREN du fournisseur
tax_certificate Attestation fiscale | tax_certificate_valid_until Attestation fiscale valable jusqu'au
terms Conditions de l'avance | territory Territoire | territory_name Nom du territoire | text Texte de la note
threshold Seuil | title Intitulé | to_firm_name À l'entreprise | to Au | to_on Au | to_siren Au SIREN
to_state À l'état | total Total | total_after Total après | total_before Total avant | trade_names Noms commerciaux
tranche Tranche | tranches Tranches | transfer Virement | travel_counts Trajets comptés
turnover Chiffre d'affaires | type Type | unassigned Non affecté | unit_prices Prix unitaires | upto Jusqu'à
until Jusqu'au | until_on Jusqu'au | updated Modifié | usable Utilisable | used Utilisé
used_by_type Utilisé par (type)
uses Emplois des fonds | valid_from Valable du | valid_until Valable jusqu'au | validated Validé | value Valeur
value_on Date de valeur | vat TVA | vat_rate Taux de TVA | verification_ends Fin de la vérification
version Version | vintage Millésime | visited Visité | votes Votes | waive Sorte de dispense | waived Dispensé
waiver_reason Motif de la dispense | waiver_reference Référence de la dispense | wave_number Numéro de vague
week Semaine | weekends_allowed Week-ends travaillés | weight Poids | withdrawal_reason Motif du retrait
withdrawn Retiré | worked Travaillé | written Rédigé | written_off Passé en perte | year Année
id Identifiant | contributed Apporté | available Disponible | committed Engagé | recycled Réemployé
days_left_planned Jours restants prévus | days_left_by_plan Jours restants selon le plan
days_left_at_pace Jours restants à ce rythme | days_left_entered Jours restants, saisis
days_left_validated Jours restants, validés | days_validated Jours validés | days_draft Jours en brouillon
opening Encours de début | closing Encours de fin | kept Maintenue
late_interest_left Reste des intérêts de retard
payer Payeur | payer_siret SIRET du payeur | engagement_number Numéro d'engagement | service_code Code service
certificates Certificats | corrects_number Numéro corrigé | taxable_eur Base HT (€) | service Service fait
days_late Jours de retard | recovery_fee_eur Indemnité de recouvrement (€) | invoice Facture
days_invoiced Jours facturés | transaction_seconds Durée de la transaction (s)
cell Cellule | constants Valeurs données | file_kept_until Fichier conservé jusqu'au | header_row Ligne des titres
heading Titre de colonne | hours_per_day Heures par jour | options Lecture | sheet Feuille
key Clé | key_name Nom de la clé | route Route | path Chemin | kept_until Conservé jusqu'au
request Requête
permissions Permissions | territories Territoires | addresses Adresses | code_expires Fin du code | confirmed Confirmé
"""
for _each in _WORDS.replace("\n", " | ").split(" | "):
    _name, _, _words = _each.strip().partition(" ")
    if _words:
        FRENCH[_name] = _words
