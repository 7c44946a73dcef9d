"""Who is who: people are found, merged, parted and looked at again."""
