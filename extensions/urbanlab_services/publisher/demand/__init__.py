"""Pages that are made when the first visitor asks for them: who is next, what is kept, and the portal's address."""
