"""HL7 version 2 as a format: messages read, seen as JSON, answered; nothing here knows what they mean.

http://www.hl7.eu/refactored/ (chapter 2: control) is followed where no other link stands.
"""
