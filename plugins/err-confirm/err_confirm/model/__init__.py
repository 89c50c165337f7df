"""The nouns, as frozen records: what files say, who must answer, what runs, and what becomes of a request."""
