"""x"""
from connectors.observation import Classified, Document, gap
def is_state(body: Document) -> bool:
    return False
def is_shown(body: Document) -> bool:
    return False
def classify(body: Document) -> Classified:
    return gap("terraform", "")
