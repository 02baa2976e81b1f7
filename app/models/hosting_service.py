"""A hosting service whose status is fetched (document 001)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.user import ID_LENGTH, new_id


class HostingService(Base):
    """``api_key`` is sealed (``app.secrets``) and never leaves the process open. Only active shared ones are synced."""

    __tablename__ = "hosting_services"
    __table_args__ = (Index("ix_hosting_services_is_active_is_shared_id", "is_active", "is_shared", "id"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    status_url: Mapped[str] = mapped_column(Text)
    api_key: Mapped[str] = mapped_column(Text, default="")  # "" sends none
    is_shared: Mapped[bool] = mapped_column(default=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime]
