"""The body part of a radiograph: what senders write of it, and whether it is the chest."""

from collections.abc import Sequence

from severity.domain import Decision, Reason
from severity.errors import NotAFrontalChestRadiograph
from severity.vocabulary.words import words

CHEST = "chest"
"""The outcome of a decision that it is the chest."""

CHEST_WORDS = frozenset(
    words(
        "CHEST CHESTS CXR THORAX THORACIC THORACIQUE TORAX TORACE TORACICO TORAKS TOORAX "
        "LUNG LUNGS LUNGE LUNGEN PULMO PULMON PULMONES PULMAO PULMONARY POUMON POUMONS POLMONE "
        "POLMONI LONGEN PLUCA AKCIGER RIB RIBS RIPPEN COSTILLAS COTES COSTE POITRINE PECHO PEITO "
        "BRUST BRUSTKORB BORSTKAS HRUDNIK BRJOSTHOLF GOGUS KLATKA PIERSIOWA PIERSIOWEJ "
        "BROSTKORG LUNGOR BRYSTKASSE LUNGER RINTAKEHA KEUHKOT KEUHKO RINDKERE KOPSUD "
        "MELLKAS PLAMANI PULMONI PLICE HRUD PRSNI GRUDNI KRUTINE KRUTINES PLAUCIAI "
        "KRUSKURVIS PLAUSAS TORAKSI MUSHKERI NGUC PHOI DADA PARU "
        "ГРУДЬ ГРУДНАЯ ГРУДНОИ ЛЕГКИЕ ОГК ГРУДНА ЛЕГЕНІ ГРЪДЕН ГРУДНИ ПЛУЋА "
        "ΘΩΡΑΚΑΣ ΘΩΡΑΚΑ ΠΝΕΥΜΟΝΕΣ الصدر صدر الرئتين חזה ריאות ทรวงอก ปอด 胸 胸部 胸片 흉부 가슴"
    )
)
"""Words that name the chest, in the languages of senders, without accents."""

OTHER_WORDS = frozenset(
    words(
        "ABDOMEN ABD ABDOMINAL ABDOME ADDOME BAUCH KUB PELVIS PELVI BECKEN BASSIN HIP HIPS HUFTE "
        "HUEFTE CADERA SPINE CSPINE TSPINE LSPINE SPINAL COLUMNA COLONNA RACHIS WIRBELSAULE "
        "COLONNE RACHIDE VERT SPN WERVELKOLOM OBERBAUCH AORTE AORTA "
        "WIRBELSAEULE BWS HWS LWS LUMBAR LUMBOSACRAL CERVICAL VERTEBRA VERTEBRAE NECK SKULL "
        "HEAD SCHADEL CRANIO SINUS JAW TEETH SHOULDER SCHULTER HOMBRO SPALLA SCAPULA CLAVICLE "
        "CLAVICULA STERNUM BRUSTBEIN HUMERUS ARM ELBOW FOREARM WRIST HAND HANDS MANO FINGER "
        "THUMB FEMUR THIGH KNEE KNIE RODILLA LEG LEGS TIBIA FIBULA ANKLE FOOT FEET FUSS PIE TOE "
        "HEEL CALCANEUS EXTREMITY BREAST MAMMA MAMOGRAFIA ESOPHAGUS BABYGRAM WHOLEBODY "
        # The spine and the breastbone, where the word beside them is the one for the chest.
        "KREGOSŁUP KREGOSŁUPA KRALJEZNICA KRALJEZNICE KICMA KICME PATER COLOANA GERINC OMURGA "
        "STUBURAS STUBURO TULANG COT SONG XUONG ПОЗВОНОЧНИК ПОЗВОНОЧНИКА ХРЕБЕТ ХРЕБТА "
        "ГРЪБНАК ГРЪБНАЧНИЯ ГРЪБНАЧЕН КИЧМА КИЧМЕ العمود"
    )
)
"""Words that name another part of the body: a value with one is not of the chest alone."""

SILENT_WORDS = frozenset(
    words(
        "UNKNOWN OTHER NONE NA N A NOS ANY DEFAULT UNDEFINED UNSPECIFIED NULL NIL PORT PORTABLE "
        "PORTABEL MOBILE BEDSIDE BED BETT AP PA ERECT SUPINE STANDING UPRIGHT SEMI ROUTINE XR "
        "XRAY X RAY DX CR GENERAL ADULT FRONTAL VIEW VIEWS 正面"
    )
)
"""Words that name no part of the body: a value of these alone says as little as an empty one."""

CHEST_CODES = frozenset(
    {
        "816094009",
        "51185008",
        "T-D3000",
        "43799004",
        "T-D3200",
        "39607008",
        "T-28000",
        "113197003",
        "T-11300",
        "86598002",
        "T-280A0",
    }
)
"""Chest, thorax, lung and rib in SNOMED CT, and in the older SNOMED RT (PS3.16, CID 4031)."""


def is_chest_in_words(text: str) -> bool | None:
    """Return whether a value names the chest; None where it names no part of the body."""
    spoken = {part for word in words(text) for part in _parts(word)}
    if spoken & CHEST_WORDS:
        return not spoken & OTHER_WORDS
    return None if spoken <= SILENT_WORDS else False


def _parts(word: str) -> tuple[str, ...]:
    """Return the two words of one such as CHESTPA or PORTCHEST, or the word itself."""
    cuts = ((word[:at], word[at:]) for at in range(2, len(word) - 1))
    glued = ((first, last) for first, last in cuts if {first, last} & CHEST_WORDS)
    return next((pair for pair in glued if set(pair) & SILENT_WORDS), (word,))


def is_chest_in_code(value: str, meaning: str) -> bool | None:
    """Return whether a coded region is the chest; None where it is empty."""
    if value.strip().upper() in CHEST_CODES:
        return True
    return is_chest_in_words(meaning) if meaning.strip() else None


def decide_body_part(values: Sequence[str], codes: Sequence[tuple[str, str]]) -> Decision:
    """Return that the body part is the chest, or is not stated, and what decided it.

    Parameters
    ----------
    values
        Those of Body Part Examined (0018,0015); one of several that is the chest suffices.
    codes
        Value and meaning of the Anatomic Region Sequence (0008,2218); asked where the values say
        nothing.

    Raises
    ------
    NotAFrontalChestRadiograph
        Another part of the body is stated.
    """
    stated = (
        ("Body Part Examined (0018,0015)", "\\".join(values), map(is_chest_in_words, values)),
        (
            "Anatomic Region Sequence (0008,2218)",
            ", ".join(meaning or value for value, meaning in codes),
            (is_chest_in_code(*code) for code in codes),
        ),
    )
    for source, written, answers in stated:
        known = [answer for answer in answers if answer is not None]
        if any(known):
            return Decision("body part", CHEST, source, written)
        if known:
            raise NotAFrontalChestRadiograph(Reason.NOT_CHEST, f"{source} is not the chest")
    return Decision("body part", "not stated", "", doubt="nothing says that it is the chest")
