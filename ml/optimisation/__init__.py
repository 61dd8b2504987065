"""The switching or dispatch that cuts losses and risk, learned by REINFORCE and verified."""
