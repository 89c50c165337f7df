"""Say in words what a policy asks for, when it is another one, and who is still missing."""
