"""Search parameters to a Query; what is not known is refused, for a filter unheeded would show too much.

https://hl7.org/fhir/R4/search.html
"""
