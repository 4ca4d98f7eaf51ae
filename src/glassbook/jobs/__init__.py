"""Job queue and its supervisor: experiments that run in processes of their own and outlive the server."""
