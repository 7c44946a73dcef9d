"""What a client would rather have: https://www.rfc-editor.org/rfc/rfc7240."""


def preference(header: str, name: str) -> str:
    """Return what a Prefer says of a preference, the first time it is named; nothing where it is not.

    What follows it behind `;` is left out: none of ours takes more.
    """
    for each in header.split(","):
        said, _, value = each.partition(";")[0].partition("=")
        if said.strip().lower() == name:
            return value.strip().strip('"')
    return ""
